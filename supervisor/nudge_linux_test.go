// Tests of lost wake-ups, and of the workers that are added for clients that wait
// although the spares are active.

package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/policy"
	"daemon/plug/worker/report"
)

// Clients wait while spares sleep: each tick first nudges a spare that was not
// nudged last, and one more than the tick before.
func TestNudge(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax = 4, 4 })
	for _, a := range all {
		a.orders()
	}
	nudged := func() (slots []int) {
		s.plug.nudgeMore()
		for i, a := range all {
			if strings.Contains(a.orders(), string(rune(report.Nudge))) {
				slots = append(slots, i)
			}
		}
		return slots
	}
	if got := nudged(); got != nil {
		t.Errorf("nudged %v without a client", got)
	}
	s.client()
	first, second := nudged(), nudged()
	if len(first) != 1 || len(second) != 2 {
		t.Fatalf("nudged %v, then %v; want one, then two", first, second)
	}
	if slices.Contains(second, first[0]) {
		t.Errorf("nudged %v, and %d again: %v", first, first[0], second)
	}
	seen := map[int]bool{}
	for range 4 {
		for _, i := range nudged() {
			seen[i] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("only %v were ever nudged", seen)
	}
	s.ring(all[0], report.Begin)
	for range 3 {
		if got := nudged(); slices.Contains(got, 0) {
			t.Error("a busy worker was nudged")
		}
	}
	s.plug.paused = true
	if got := nudged(); got != nil {
		t.Errorf("nudged %v while paused", got)
	}
}

// A dead worker may have consumed a wake-up.
func TestDeathNudgesASpare(t *testing.T) {
	s, all := serving(t, nil)
	all[1].orders()
	s.client()
	s.kill(all[0], unix.SIGKILL)
	if got := all[1].orders(); !strings.Contains(got, string(rune(report.Nudge))) {
		t.Errorf("orders %q", got)
	}
}

// When a pool worker leaves its clients to the others, another one is woken at
// once; each time it is the next one.
func TestLeavingNudgesAnother(t *testing.T) {
	s := newPoolMaster(t, 3, 16)
	all := s.startSpares(3)
	s.afterEvent()
	s.client()
	for i, a := range all {
		s.plug.supply.nudges = 0
		for _, a := range all {
			a.orders()
		}
		s.ring(a, report.Leaving)
		for k, other := range all {
			if got := other.told(report.Nudge); got != (k == (i+1)%3) {
				t.Errorf("worker %d leaves clients: %d is nudged: %v", i, k, got)
			}
		}
	}
}

// Any worker may lose a wake-up at any time, so the tick nudges, too.
func TestTickNudges(t *testing.T) {
	s, all := serving(t, nil)
	for _, a := range all {
		a.orders()
	}
	s.tick(time.Now())
	if all[0].told(report.Nudge) || all[1].told(report.Nudge) {
		t.Error("nudged without a client")
	}
	s.client()
	s.tick(time.Now())
	if !all[0].told(report.Nudge) && !all[1].told(report.Nudge) {
		t.Error("a client waits, and no worker was nudged")
	}
}

// If all spares have been nudged without effect, they are stopped: other workers
// are started for the waiting client, one at a time.
func TestStoppedSparesAreReplaced(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 4 })
	s.client()
	for range len(all) + 1 {
		s.plug.nudgeMore()
		if n := s.plug.count[starting]; n != 0 {
			t.Fatalf("%d workers starting while spares have not been nudged", n)
		}
	}
	for range 3 {
		s.plug.nudgeMore()
	}
	if n := s.plug.count[starting]; n != 1 {
		t.Errorf("%d workers starting, want 1", n)
	}
}

// Deaths nudge at once, but do not suggest that spares are stopped; only ticks
// show that.
func TestOnlyTicksFindStoppedSpares(t *testing.T) {
	s, all := serving(t, nil)
	s.client()
	for range 4 * len(all) {
		s.plug.nudge()
	}
	if n := s.plug.count[starting]; n != 0 {
		t.Errorf("%d workers starting", n)
	}
}

// nudgeAfterWork makes each of the workers end a session, and then runs the tick's
// nudge.
func (s *testMaster) nudgeAfterWork(workers []*testWorker) {
	for _, a := range workers {
		s.addSession(a, "10.0.0.1:1").Free()
	}
	s.plug.nudgeMore()
}

// Spares that serve short sessions in quick succession are not considered stopped,
// however long clients wait.
func TestActiveSparesAreNotReplaced(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 40 })
	s.client()
	s.plug.supply.probe.Until = time.Now().Add(time.Hour) // disables the probe
	for range 20 {
		s.nudgeAfterWork(all)
		if n := s.plug.count[starting]; n != 0 {
			t.Fatalf("%d workers starting beside active spares", n)
		}
	}
	for range len(all) + 2 { // one is stopped: fewer spares are active than wanted
		s.nudgeAfterWork(all[:1])
	}
	if n := s.plug.count[starting]; n != 1 {
		t.Errorf("%d workers starting beside one that has stopped, want 1", n)
	}
}

// The probe starts workers, and retires them if they did not help.
func TestProbe(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 8, 40 })
	s.client()
	for i := 0; s.plug.count[starting] == 0; i++ {
		if i > 2*policy.Samples {
			t.Fatal("no worker was added")
		}
		s.nudgeAfterWork(all)
	}
	all = append(all, s.startSpares(1)...)
	s.plug.supply.probe.Rate *= 1e9 // as if each spare had done more before they were added
	for i := 0; s.plug.count[spare] == 3; i++ {
		if i > 2*policy.Samples {
			t.Fatal("the worker that did not help was not retired")
		}
		s.nudgeAfterWork(all)
	}
	if !all[2].told(report.Drain) || s.plug.count[spare] != 2 {
		t.Errorf("the newest worker is not told to drain; %d spares", s.plug.count[spare])
	}
}

// At --max-workers no worker is started, and none is retired for not helping.
func TestNoProbeAtTheLimit(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 2 })
	s.client()
	for range 6 * policy.Samples {
		s.nudgeAfterWork(all)
		s.plug.supply.probe.Rate *= 1e9
	}
	if s.plug.count[starting] != 0 || s.plug.count[spare] != 2 {
		t.Errorf("%d workers starting, %d spares", s.plug.count[starting], s.plug.count[spare])
	}
}

// The roster does not change during a handover: no worker is started for waiting
// clients, and no surplus spare is retired.
func TestFrozenRoster(t *testing.T) {
	s, all := serving(t, nil)
	s.client()
	s.plug.cfg.SparesMax = 0
	s.upgrades.frozen = true
	for range 2 * restAfter {
		s.tick(time.Now())
	}
	if s.plug.count[starting] != 0 || s.plug.count[spare] != len(all) {
		t.Errorf("%d workers starting, %d spares of %d", s.plug.count[starting], s.plug.count[spare], len(all))
	}
}
