// Tests of what finds clients that have vanished, and of which side's sockets get which options.

package config

import (
	"testing"
	"time"
)

// The session of a client that has vanished stays without an idle timer, and without
// keepalive on its clients' sockets.
func TestKeepsVanished(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   func(p *Plug)
		keeps bool
	}{
		{"nothing", func(*Plug) {}, true},
		{"idle", func(p *Plug) { p.IdleTimeout = time.Minute }, false},
		{"-k", func(p *Plug) { p.Keepalive = true }, false},
		{"keepalive of clients", func(p *Plug) { p.KeepaliveIdle, p.KeepaliveOf = time.Minute, "client" }, false},
		{"keepalive of targets", func(p *Plug) { p.KeepaliveIdle, p.KeepaliveOf = time.Minute, "target" }, true},
		{"half-closed", func(p *Plug) { p.HalfClosedTimeout = time.Minute }, true},
	} {
		p := new(Plug)
		if c.set(p); p.keepsVanished() != c.keeps {
			t.Errorf("%s: %v", c.name, p.keepsVanished())
		}
	}
}

// Each side's sockets get what is meant for them.
func TestSocketsOfEachSide(t *testing.T) {
	numbers := Timing{KeepaliveIdle: 5 * time.Second, KeepaliveEvery: time.Second, KeepaliveCount: 3, UserTimeout: 8 * time.Second, DSCP: 10}
	whole := Sockets{Keepalive: true, Idle: 5, Every: 1, Count: 3, UserTimeout: 8000, DSCP: 10}
	none := Sockets{DSCP: 10}
	for of, is := range map[string][2]Sockets{"both": {whole, whole}, "client": {whole, none}, "target": {none, whole}} {
		p := Plug{Timing: numbers}
		p.KeepaliveOf, p.UserTimeoutOf = of, of
		if got := [2]Sockets{p.ClientSockets(), p.TargetSockets()}; got != is {
			t.Errorf("of %s: %+v, expected %+v", of, got, is)
		}
	}
	p := Plug{Keepalive: true, Timing: numbers}
	p.KeepaliveOf, p.UserTimeoutOf = "target", "client"
	if got := p.ClientSockets(); got != (Sockets{Keepalive: true, UserTimeout: 8000, DSCP: 10}) {
		t.Errorf("-k, and times for targets: a client has %+v", got)
	}
	if got := p.TargetSockets(); got != (Sockets{Keepalive: true, Idle: 5, Every: 1, Count: 3, DSCP: 10}) {
		t.Errorf("-k, and times for targets: a target has %+v", got)
	}
}
