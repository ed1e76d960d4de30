// Timers of sessions, and TCP options of their sockets.

package config

import (
	"errors"
	"fmt"
	"time"
)

// Timing are the timers of a plug's sessions, and how their sockets notice a peer that has
// vanished. 0 is off, or the system's value.
type Timing struct {
	NegotiateTimeout  time.Duration // 0: ConnectTimeout
	IdleTimeout       time.Duration
	HalfClosedTimeout time.Duration
	FirstByteTimeout  time.Duration
	FirstByteOf       string // "any", "client" or "target"
	Lifetime          time.Duration
	LifetimeJitter    int           // percent
	LifetimeEnd       string        // "fin" or "reset"
	Linger            time.Duration // 0: CloseTimeout
	LingerReset       bool          // --linger reset

	KeepaliveIdle  time.Duration // whole seconds
	KeepaliveEvery time.Duration // the same
	KeepaliveCount int
	KeepaliveOf    string // "both", "client" or "target"
	UserTimeout    time.Duration
	UserTimeoutOf  string // as KeepaliveOf
	DSCP           int
}

// halfClosed is the default of --half-closed-timeout with --idle-timeout: when one side
// has ended, there is seldom a reason for the other one to stay idle.
const halfClosed = time.Minute

// settleTiming sets the defaults of timers that depend on other options.
func (d *Draft) settleTiming() {
	if d.HalfClosedTimeout == unset {
		d.HalfClosedTimeout = 0
		if d.IdleTimeout > 0 {
			d.HalfClosedTimeout = halfClosed
		}
	}
	if d.UserTimeout == unset {
		// With TCP_USER_TIMEOUT, the kernel ignores the number of probes; without it,
		// probes do not find a peer for which there is unsent data (tcp(7)).
		if d.UserTimeout = d.keepaliveTime(); d.UserTimeout > 0 {
			d.UserTimeoutOf = d.KeepaliveOf
		}
	}
	if d.Lifetime == 0 && d.LifetimeJitter > 0 {
		d.report(&Problem{Option: "lifetime-jitter", Value: fmt.Sprint(d.LifetimeJitter), Reason: "needs --lifetime"})
	}
}

// keepaliveTime is after which time keepalive gives a silent peer up, 0 if one of its
// numbers is the system's.
func (p *Plug) keepaliveTime() time.Duration {
	if p.KeepaliveIdle == 0 || p.KeepaliveEvery == 0 || p.KeepaliveCount == 0 {
		return 0
	}
	return p.KeepaliveIdle + time.Duration(p.KeepaliveCount)*p.KeepaliveEvery
}

// takeLinger reads --linger.
func takeLinger(d *Draft, text string) error {
	d.Linger, d.LingerReset = 0, text == "reset"
	if d.LingerReset {
		return nil
	}
	if err := takeTime(&d.Linger, text, CloseSpan()); err != nil {
		return errors.New("expected reset, or a time from 1ms to 1h0m0s")
	}
	return nil
}

// linger is --linger in the form that takeLinger reads, 0 if it was not given.
func (p *Plug) linger() any {
	if p.LingerReset {
		return "reset"
	}
	return p.Linger.Seconds()
}

// Sockets are the options of the sockets to one side. 0 leaves the system's value.
type Sockets struct {
	Keepalive   bool
	Idle, Every int // s
	Count       int
	UserTimeout int // ms
	DSCP        int
}

// ClientSockets are the options of clients' sockets.
func (p *Plug) ClientSockets() Sockets { return p.socketsOf("client") }

// TargetSockets are the options of the sockets to targets.
func (p *Plug) TargetSockets() Sockets { return p.socketsOf("target") }

func (p *Plug) socketsOf(side string) Sockets {
	s := Sockets{Keepalive: p.Keepalive, DSCP: p.DSCP}
	if p.KeepaliveOf == "both" || p.KeepaliveOf == side {
		s.Idle, s.Every, s.Count = int(p.KeepaliveIdle/time.Second), int(p.KeepaliveEvery/time.Second), p.KeepaliveCount
		s.Keepalive = s.Keepalive || s.Idle+s.Every+s.Count > 0
	}
	if p.UserTimeoutOf == "both" || p.UserTimeoutOf == side {
		s.UserTimeout = int(p.UserTimeout.Milliseconds())
	}
	return s
}

// keepsVanished reports whether the session of a client that has vanished may stay for
// ever: nothing finds out.
func (p *Plug) keepsVanished() bool { return p.IdleTimeout == 0 && !p.ClientSockets().Keepalive }
