// A test of an upgrade with very many sessions.

package test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Limits of a handover with very many sessions.
const (
	withoutSpawning = 50 * time.Millisecond
	betweenGates    = 5 * time.Millisecond
)

// Very many sessions are handed over: how long no worker could be spawned, how
// long none accepted, and how long the new master took to be ready.
func TestUpgradeOfManySessions(t *testing.T) {
	n := count(2000)
	forEachMode(t, func(t *testing.T, mode string) {
		p := startUpgradable(t, mode, thisOne, "--max-workers", fmt.Sprint(2*n+90), serve(t, anywhere, echo).addr())
		held := hold(t, p, n)
		before := p.carriersOf(held)
		p.hurry()
		if soak() { // they are usually older than the time that a new master takes to prepare
			passed(11 * time.Second)
		}
		var took []time.Duration
		for i := range 3 {
			took = append(took, p.upgrade([]string{nextOne, older, thisOne}[i]))
			for i, c := range held {
				if err := ping(c); err != nil {
					t.Fatalf("session %d of %d: %v", i+1, n, err)
				}
			}
		}
		frozen, gates := p.spans()
		t.Logf("%d sessions: ready and committed after %v, without spawning for %v, between the gates %v", n, took, frozen, gates)
		// The machine may be busy; the best of three is the daemon's time.
		if best := slices.Min(frozen); best > withoutSpawning {
			t.Errorf("without spawning for %v, not %v at most", best, withoutSpawning)
		}
		if best := slices.Min(gates); best > betweenGates {
			t.Errorf("between the gates %v, not %v at most", best, betweenGates)
		}
		if !slices.Equal(p.carriersOf(held), before) {
			t.Error("a session has changed its process")
		}
		if mode != "pool" {
			p.lists(held)
			// Adopted workers are killed, recorded and unlisted in the same
			// way as others.
			for i, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				syscall.Kill(before[i], s)
				hungUp(held[i])
			}
			p.lines(2)
			held = held[2:]
			p.lists(held)
		}
		p.signal(syscall.SIGINT)
		if code := p.wait(20 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.gone(5 * time.Second)
		p.lines(n)
		for _, c := range held {
			c.Close()
		}
	})
}
