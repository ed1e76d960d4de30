// Tests of lost wake-ups, and of the workers that are added for clients that wait
// although the spares are active.

package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/policy"
	"daemon/plug/worker/report"
)

// Clients wait while spares sleep: each tick first nudges a spare that was not
// nudged last, and one more than the tick before.
func TestNudge(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax = 4, 4 })
	for _, a := range all {
		a.orders()
	}
	nudged := func() (who []int) {
		s.plug.nudgeMore()
		for i, a := range all {
			if strings.Contains(a.orders(), string(rune(report.Nudge))) {
				who = append(who, i)
			}
		}
		return who
	}
	if who := nudged(); who != nil {
		t.Errorf("nudged %v without a client", who)
	}
	s.client()
	first, second := nudged(), nudged()
	if len(first) != 1 || len(second) != 2 || slices.Contains(second, first[0]) {
		t.Errorf("nudged %v, then %v", first, second)
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
		if who := nudged(); slices.Contains(who, 0) {
			t.Error("a busy worker was nudged")
		}
	}
	s.plug.paused = true
	if who := nudged(); who != nil {
		t.Errorf("nudged %v while paused", who)
	}
}

// A dead worker may have consumed a wake-up.
func TestDeathNudges(t *testing.T) {
	s, all := serving(t, nil)
	all[1].orders()
	s.client()
	s.die(all[0], unix.SIGKILL)
	if got := all[1].orders(); !strings.Contains(got, string(rune(report.Nudge))) {
		t.Errorf("orders %q", got)
	}
}

// When a pool worker leaves its clients to the others, another one is woken at
// once; each time it is the next one.
func TestLeavingNudgesAnother(t *testing.T) {
	s := poolStage(t, 3, 16)
	all := s.spares(3)
	s.settled()
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
		t.Error("a client waits, and nobody was nudged")
	}
}

// If all spares have been nudged without effect, they are stopped: other workers
// are started for the waiting client, one at a time.
func TestStoppedSparesAreReplaced(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 4 })
	s.client()
	for range len(all) + 1 {
		s.plug.nudgeMore()
		if n := s.plug.count[starting]; n != 0 {
			t.Fatalf("%d births while spares have not been nudged", n)
		}
	}
	for range 3 {
		s.plug.nudgeMore()
	}
	if n := s.plug.count[starting]; n != 1 {
		t.Errorf("%d births, want 1", n)
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
		t.Errorf("%d births", n)
	}
}

// lookAfterWork makes each of the workers end a session, and then runs the tick's
// nudge.
func (s *stage) lookAfterWork(workers []*actor) {
	for _, a := range workers {
		s.carry(a, "10.0.0.1:1").Free()
	}
	s.plug.nudgeMore()
}

// Spares that serve short sessions in quick succession are not considered stopped,
// however long clients wait.
func TestSparesAtWork(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 40 })
	s.client()
	s.plug.supply.probe.Until = time.Now().Add(time.Hour) // disables the probe
	for range 20 {
		s.lookAfterWork(all)
		if n := s.plug.count[starting]; n != 0 {
			t.Fatalf("%d births beside spares at work", n)
		}
	}
	for range len(all) + 2 { // one is stopped: fewer spares are active than wanted
		s.lookAfterWork(all[:1])
	}
	if n := s.plug.count[starting]; n != 1 {
		t.Errorf("%d births beside one that has stopped, want 1", n)
	}
}

// The probe starts workers, and retires them if they did not help.
func TestReinforcement(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 8, 40 })
	s.client()
	for i := 0; s.plug.count[starting] == 0; i++ {
		if i > 2*policy.Samples {
			t.Fatal("nobody comes")
		}
		s.lookAfterWork(all)
	}
	all = append(all, s.spares(1)...)
	s.plug.supply.probe.Rate *= 1e9 // as if each spare had done more before they were added
	for i := 0; s.plug.count[spare] == 3; i++ {
		if i > 2*policy.Samples {
			t.Fatal("who was no help stays")
		}
		s.lookAfterWork(all)
	}
	if !all[2].told(report.Drain) || s.plug.count[spare] != 2 {
		t.Errorf("the newest one is not told to go; %d spares", s.plug.count[spare])
	}
}

// At --max-workers no worker is started, and none is retired for not helping.
func TestNoReinforcementAtTheLimit(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 2 })
	s.client()
	for range 6 * policy.Samples {
		s.lookAfterWork(all)
		s.plug.supply.probe.Rate *= 1e9
	}
	if s.plug.count[starting] != 0 || s.plug.count[spare] != 2 {
		t.Errorf("%d births, %d spares", s.plug.count[starting], s.plug.count[spare])
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
		t.Errorf("%d births, %d spares of %d", s.plug.count[starting], s.plug.count[spare], len(all))
	}
}
