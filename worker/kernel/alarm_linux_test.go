// An alarm is set once, and wakes every set at the earliest time.

package kernel

import (
	"testing"
	"time"

	"daemon/plug/worker/await"
)

// An alarm rings once, at the earliest time that was asked for, in whichever set a worker
// waits. After it has been set again, it has not rung.
func TestAlarm(t *testing.T) {
	const alarmKind = 5
	var one, other Poller
	var a Alarm
	for _, p := range []*Poller{&one, &other} {
		if errno := p.Open(); errno != 0 {
			t.Fatal(errno)
		}
		defer Close(p.FD)
	}
	if err := a.Open(MakeTag(alarmKind, 7, 8), &one, &other); err != nil {
		t.Fatal(err)
	}
	defer Close(a.FD)
	rings := func(p *Poller) {
		t.Helper()
		n := 0
		await.Until(t, "the alarm", func() bool { // a signal may arrive before it
			n = p.Wait(int(await.Patience.Milliseconds()))
			return n > 0
		})
		if n != 1 || p.Events[0].Tag.Kind() != alarmKind {
			t.Fatalf("%d events, the first of kind %d", n, p.Events[0].Tag.Kind())
		}
	}
	const soon, far = 20 * time.Millisecond, time.Hour
	for round := range 3 {
		began := Monotonic()
		a.RingBy(began + int64(far))
		a.RingBy(began + int64(soon))
		a.RingBy(began + int64(2*far))
		rings(&one)
		if took := time.Duration(Monotonic() - began); took < soon {
			t.Errorf("round %d: it rings after %v, not %v", round, took, soon)
		}
		if n := one.Wait(0); n != 0 {
			t.Errorf("round %d: it rings on", round)
		}
		a.Rang()
		a.RingBy(began + int64(far))
		if n := other.Wait(0); n != 0 {
			t.Errorf("round %d: set for later, it still rings for others", round)
		}
		a.RingBy(began) // a time in the past is due now
		rings(&other)
		a.Rang()
	}
	a.RingBy(Never)
	if a.at != Never {
		t.Errorf("for never it is set to %d", a.at)
	}
}
