// A listener that another process has shut down: the master makes it listen again,
// or the plug ends with the reason.

package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

const (
	reviveWithin = 4 * time.Second  // after this time the plug gives up
	reviveAgain  = 10 * time.Second // at most one log entry in this time about a listener that is shut down repeatedly
)

// revival is the state of a listener that was shut down by another process: by an
// admin (ss -K), or by the service manager or process that it came from. The
// socket is still bound, and workers hold it. When it listens again, it works for
// all of them, without a new descriptor.
type revival struct {
	since time.Time // when it was found shut down; zero if it is not
	said  time.Time
}

// checkListeners makes listeners that were shut down listen again.
func (p *plug) checkListeners(now time.Time) {
	if p.m.phase != running || p.m.upgrades.frozen {
		return
	}
	for i := range p.listeners {
		if l := &p.listeners[i]; !listens(l.fd) {
			p.revive(l, now)
		}
	}
}

// revives reports whether a listener was shut down and does not listen again yet.
func (p *plug) revives() bool {
	return slices.ContainsFunc(p.listeners, func(l listener) bool { return !l.revival.since.IsZero() })
}

func (p *plug) revive(l *listener, now time.Time) {
	r, label := &l.revival, l.source.Label()
	if r.since.IsZero() {
		r.since = now
		if now.Sub(r.said) >= reviveAgain {
			r.said = now
			p.log.Error("listener shut down", "source", label, "reason", "another process shut it down; plug will listen again")
		}
	}
	err := listenAgain(l.fd, l.source.Port, l.backlog())
	switch {
	case err == nil:
		p.log.Info("listening again", "source", label, "after_ms", inMs(now.Sub(r.since)))
		r.since = time.Time{}
		p.tellGate()
	case now.Sub(r.since) >= reviveWithin:
		p.m.giveUp(fmt.Errorf("cannot listen again on %s, which another process shut down: %s%s", label, host.Reason(err), host.HeldBy(l.source.Port)))
	}
}

// listens reports whether a socket accepts connections. If that cannot be found
// out, it returns true.
func listens(fd int) bool {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err != nil || on != 0
}

// listenAgain calls listen(2) on a socket that has been shut down. The socket
// still has its port, unless the kernel had chosen it: then it gets another one,
// which no client would use.
func listenAgain(fd int, port uint16, backlog int) error {
	host.ForgetEnd(fd)
	if err := unix.Listen(fd, backlog); err != nil {
		return err
	}
	name, err := unix.Getsockname(fd)
	if err == nil && portOf(name) != port {
		unix.Shutdown(fd, unix.SHUT_RD)
		err = errors.New("the socket has lost its port")
	}
	return err
}

func portOf(name unix.Sockaddr) uint16 {
	switch at := name.(type) {
	case *unix.SockaddrInet4:
		return uint16(at.Port)
	case *unix.SockaddrInet6:
		return uint16(at.Port)
	}
	return 0
}

// backlog returns the listener's backlog: that of --backlog, or the most that the
// kernel allows.
func (l *listener) backlog() int {
	if l.source.Backlog == 0 {
		return unix.SOMAXCONN
	}
	return l.source.Backlog
}

// giveUp ends a master of which a plug cannot serve any more. Its sessions
// continue, as after TERM; the exit status tells the starter.
func (m *master) giveUp(err error) {
	m.log.Error("the plug is stopping because it cannot serve", "reason", err.Error())
	m.shutdown.failure = err
	m.term()
}
