package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker/report"
)

// Clients wait while spares sleep: each look nudges another spare first, and
// one more than the look before.
func TestNudge(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax = 4, 4 })
	for _, a := range all {
		a.orders()
	}
	nudged := func() (who []int) {
		s.nudge()
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
	s.paused = true
	if who := nudged(); who != nil {
		t.Errorf("nudged %v while paused", who)
	}
}

// A death may have taken a wake-up along.
func TestDeathNudges(t *testing.T) {
	s, all := serving(t, nil)
	all[1].orders()
	s.client()
	s.die(all[0], unix.SIGKILL)
	if got := all[1].orders(); !strings.Contains(got, string(rune(report.Nudge))) {
		t.Errorf("orders %q", got)
	}
}

// A pool's worker that leaves clients to the others has another one woken at
// once, and in its own turn one after the other.
func TestLeavingNudgesAnother(t *testing.T) {
	s := poolStage(t, 3, 16)
	all := s.spares(3)
	s.settled()
	s.client()
	for i, a := range all {
		s.nudges = 0
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

// So may anybody else, at any moment: the tick looks too.
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

// If all spares have been woken up in vain they are stopped: another worker is
// started for the client that waits, one at a time.
func TestStoppedSparesAreReplaced(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 4 })
	s.client()
	for range len(all) + 1 {
		s.nudge()
		if n := s.count[starting]; n != 0 {
			t.Fatalf("%d births while spares have not been nudged", n)
		}
	}
	for range 3 {
		s.nudge()
	}
	if n := s.count[starting]; n != 1 {
		t.Errorf("%d births, want 1", n)
	}
}
