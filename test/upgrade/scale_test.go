// A test of an upgrade with very many sessions.

package upgrade

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Limits of a handover with very many sessions.
const (
	withoutSpawning = 50 * time.Millisecond
	betweenGates    = 5 * time.Millisecond
)

// Very many sessions are handed over: how long no worker could be spawned, how
// long none accepted, and how long the new master took to be ready.
func TestUpgradeOfManySessions(t *testing.T) {
	n := harness.Count(2000)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, "--max-workers", fmt.Sprint(2*n+90), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, n)
		before := p.CarriersOf(held)
		p.Hurry()
		if harness.Soak() { // they are usually older than the time that a new master takes to prepare
			harness.Passed(11 * time.Second)
		}
		var took []time.Duration
		for i := range 3 {
			took = append(took, p.Upgrade([]string{harness.NextVersion, harness.OlderVersion, harness.ThisVersion}[i]))
			for i, c := range held {
				if err := harness.Ping(c); err != nil {
					t.Fatalf("session %d of %d: %v", i+1, n, err)
				}
			}
		}
		frozen, gates := spans(p)
		t.Logf("%d sessions: ready and committed after %v, without spawning for %v, between the gates %v", n, took, frozen, gates)
		// The machine may be busy; the best of three is the daemon's time.
		if best := slices.Min(frozen); best > withoutSpawning {
			t.Errorf("without spawning for %v, not %v at most", best, withoutSpawning)
		}
		if best := slices.Min(gates); best > betweenGates {
			t.Errorf("between the gates %v, not %v at most", best, betweenGates)
		}
		if !slices.Equal(p.CarriersOf(held), before) {
			t.Error("a session has changed its process")
		}
		if mode != "pool" {
			p.Lists(held)
			// Adopted workers are killed, recorded and unlisted in the same
			// way as others.
			for i, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				syscall.Kill(before[i], s)
				harness.HungUp(held[i])
			}
			p.Lines(2)
			held = held[2:]
			p.Lists(held)
		}
		p.Signal(syscall.SIGINT)
		if code := p.Wait(20 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.Gone(5 * time.Second)
		p.Lines(n)
		for _, c := range held {
			c.Close()
		}
	})
}
