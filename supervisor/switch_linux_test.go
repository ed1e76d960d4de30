// Tests of what a switch copies to the next generation: rotation, affinity and
// target states.

package supervisor

import (
	"net/netip"
	"testing"
	"time"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

// withTargets returns a generation with targets at these ports.
func withTargets(t testing.TB, number uint32, ports ...uint16) *generation {
	t.Helper()
	cfg := &config.Plug{Mode: config.Prefork, Sticky: true, StickyTimeout: time.Hour}
	for _, p := range ports {
		cfg.Targets = append(cfg.Targets, config.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), p), Port: p})
	}
	g, err := newGeneration(number, new(config.Process), cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g
}

// carryState copies the shared state from one generation to the next, as a switch does.
func carryState(from, to *generation, sticky bool) {
	same := false
	from.moved, same = matchTargets(from.board, to.board)
	from.carry(to.board, same, sticky)
	from.moved = nil
}

// client returns the address of client number n.
func client(n int) *board.Addr {
	a := convert.From(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), 1024))
	return &a
}

// port returns the target that a client gets, by its port.
func port(t testing.TB, g *generation, n int, now uint64) uint16 {
	t.Helper()
	slot, ok := g.board.Choose(new(board.Tried), client(n), now)
	if !ok {
		t.Fatalf("client %d gets no target", n)
	}
	return g.board.Target(slot).Addr.Port
}

// With the same targets, everything continues unchanged.
func TestCarryTheSameTargets(t *testing.T) {
	const now = 5_000_000
	a, b := withTargets(t, 1, 1, 2, 3), withTargets(t, 2, 1, 2, 3)
	b.board.Assignment.AffinityKey = a.board.Assignment.AffinityKey
	a.board.Fail(1, now) // target 2
	had := map[int]uint16{}
	for n := range 5 {
		had[n] = port(t, a, n, now)
	}
	a.board.TargetState(2).Connects.Store(77)
	a.board.TargetState(2).Failures.Store(7)

	carryState(a, b, true)
	for n, want := range had {
		if got := port(t, b, n, now); got != want {
			t.Errorf("client %d gets %d, was with %d", n, got, want)
		}
	}
	if m := b.board.TargetState(2); m.Connects.Load() < 77 || m.Failures.Load() != 7 {
		t.Errorf("target 3 has %d connects, %d failures", m.Connects.Load(), m.Failures.Load())
	}
	for n := range 4 {
		if got := port(t, b, 90+n, now); got == 2 {
			t.Error("a new client gets the failed target")
		}
	}
}

// Rotation continues where it was, for every number of steps.
func TestCarryRotation(t *testing.T) {
	const now = 5_000_000
	for steps := range 7 {
		a, b := withTargets(t, 1, 1, 2, 3), withTargets(t, 2, 1, 2, 3)
		for n := range steps {
			port(t, a, n, now)
		}
		carryState(a, b, false)
		if got, want := port(t, b, 100, now), uint16(steps%3+1); got != want {
			t.Errorf("after %d sessions the next one gets %d, want %d", steps, got, want)
		}
	}
}

// A target that is named twice gets twice the share; that continues, too.
func TestCarryDoubledTargets(t *testing.T) {
	const now = 5_000_000
	for steps := range 7 {
		a, b := withTargets(t, 1, 1, 1, 2), withTargets(t, 2, 1, 1, 2)
		for n := range steps {
			port(t, a, n, now)
		}
		a.board.TargetState(0).Connects.Store(10)
		a.board.TargetState(1).Connects.Store(20)
		carryState(a, b, false)
		if x, y := b.board.TargetState(0).Connects.Load(), b.board.TargetState(1).Connects.Load(); x != 10 || y != 20 {
			t.Errorf("the doubled target's connects are %d and %d, were 10 and 20", x, y)
		}
		if got, want := port(t, b, 100, now), []uint16{1, 1, 2}[steps%3]; got != want {
			t.Errorf("after %d sessions the next one gets %d, want %d", steps, got, want)
		}
	}
}

// With other targets, or in another order, the state is kept by address.
func TestCarryOtherTargets(t *testing.T) {
	const now = 5_000_000
	a := withTargets(t, 1, 1, 2, 3)
	had := map[int]uint16{}
	for n := range 6 {
		had[n] = port(t, a, n, now)
	}
	a.board.Fail(1, now) // target 2
	for i := range 3 {
		a.board.TargetState(i).Connects.Store(uint64(10 + i))
	}
	b := withTargets(t, 2, 4, 3, 2) // 1 is gone, 4 is new
	b.board.Assignment.AffinityKey = a.board.Assignment.AffinityKey
	carryState(a, b, true)
	for i, want := range []uint64{0, 12, 11} {
		if got := b.board.TargetState(i).Connects.Load(); got != want {
			t.Errorf("target %d has %d connects, want %d", b.board.Target(i).Addr.Port, got, want)
		}
	}
	for n, was := range had {
		got := port(t, b, n, now)
		if was == 3 && got != 3 {
			t.Errorf("client %d gets %d, was with 3", n, got)
		}
		if got == 2 {
			t.Errorf("client %d gets the failed target", n)
		}
	}
}

// Without -f no client's target is remembered.
func TestCarryWithoutAffinity(t *testing.T) {
	const now = 5_000_000
	a, b := withTargets(t, 1, 1, 2), withTargets(t, 2, 1, 2)
	b.board.Assignment.AffinityKey = a.board.Assignment.AffinityKey
	port(t, a, 1, now) // to target 1
	carryState(a, b, false)
	if got := port(t, b, 1, now); got != 2 {
		t.Errorf("the client gets %d again", got)
	}
}
