//go:build linux && !portable

package worker

import (
	"testing"
	"time"

	"daemon/plug/worker/board"
)

// An alarm rings once, at the earliest moment that was asked for, wherever
// somebody waits; set anew, it has not rung.
func TestAlarm(t *testing.T) {
	var one, other poller
	var a alarm
	for _, p := range []*poller{&one, &other} {
		if err := p.open(); err != nil {
			t.Fatal(err)
		}
		defer closeFD(p.fd)
	}
	if err := a.open(&one, &other); err != nil {
		t.Fatal(err)
	}
	defer closeFD(a.fd)
	rings := func(p *poller) {
		t.Helper()
		n := 0
		until(t, "the alarm", func() bool { // a signal may come before it
			n = p.wait(int(patience.Milliseconds()))
			return n > 0
		})
		if n != 1 || p.events[0].tag.kind() != onAlarm {
			t.Fatalf("%d events, the first of kind %d", n, p.events[0].tag.kind())
		}
	}
	const soon, far = 20 * time.Millisecond, time.Hour
	for round := range 3 {
		began := monotonic()
		a.ringBy(began + int64(far))
		a.ringBy(began + int64(soon))
		a.ringBy(began + int64(2*far))
		rings(&one)
		if took := time.Duration(monotonic() - began); took < soon {
			t.Errorf("round %d: it rings after %v, not %v", round, took, soon)
		}
		if n := one.wait(0); n != 0 {
			t.Errorf("round %d: it rings on", round)
		}
		a.rang()
		a.ringBy(began + int64(far))
		if n := other.wait(0); n != 0 {
			t.Errorf("round %d: set for later, it still rings for others", round)
		}
		a.ringBy(began) // what is past is due now
		rings(&other)
		a.rang()
	}
	a.ringBy(never)
	if a.at != never {
		t.Errorf("for never it is set to %d", a.at)
	}
}

// A worker that has nothing to do goes to sleep and stays there, with a session
// or without: no alarm wakes it.
func TestSleepsWithoutAlarms(t *testing.T) {
	for _, shape := range []board.Shape{{Workers: 1, Capacity: 1}, {Workers: 1, Capacity: 8}} {
		b := newBoss(t, shape, []string{echo(t)}, nil)
		h := b.hire(0)
		sleepsOn := func() bool {
			before := h.switches()
			b.bell(3 * warm)
			return h.switches() == before
		}
		b.wait("it sleeps on", sleepsOn)
		c := b.dial()
		b.echoes(c, "x")
		b.wait("it sleeps on with a session", sleepsOn)
		b.echoes(c, "x")
		b.wait("it sleeps on after more", sleepsOn)
		hangUp(t, c)
		b.wait("it sleeps on after a session", sleepsOn)
	}
}
