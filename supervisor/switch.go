// The switch from one generation of a plug to the next: gates, and the state that
// sessions share, like rotation, failed targets, affinity and the targets' counts.

package supervisor

import (
	"slices"
	"time"

	"daemon/plug/worker/board"
)

// switchTo makes next the only generation that accepts clients, unless the plug is
// paused. The gates of the older generations close first, and the state of the
// newest of them is copied. It returns how long no gate was open; during that time
// clients wait in the kernel's queue.
func (p *plug) switchTo(next *generation, older []*generation) time.Duration {
	slices.SortFunc(older, func(a, b *generation) int { return int(a.number) - int(b.number) })
	same := false
	for _, g := range older {
		g.moved, same = matchTargets(g.board, next.board)
	}
	begun := time.Now()
	for _, g := range older {
		g.board.State.Gate.Store(board.GateDraining)
	}
	if n := len(older); n > 0 {
		older[n-1].carry(next.board, same, p.cfg.Sticky)
	}
	next.board.State.Gate.Store(p.gate())
	between := time.Since(begun)
	p.generation, p.older = next, older
	p.tellGate()
	for _, g := range older {
		g.handCounts(next)
	}
	return between
}

// carry copies the state that sessions share to the board of the next generation,
// after the targets were matched: rotation, failed targets and counters by target,
// and affinity. same means that both have the same targets in the same order.
func (g *generation) carry(to *board.Board, same, sticky bool) {
	for i, j := range g.moved {
		if j < 0 {
			continue
		}
		a, b := g.board.TargetState(i), to.TargetState(j)
		b.Failed.Store(a.Failed.Load())
		b.Connects.Store(a.Connects.Load())
		b.Failures.Store(a.Failures.Load())
		b.Admin.Store(a.Admin.Load())
		b.Errno.Store(a.Errno.Load())
		b.Failing.Store(a.Failing.Load())
		b.LastFailure.Store(a.LastFailure.Load())
	}
	if same {
		to.State.Rotation.Store(g.board.State.Rotation.Load())
	}
	if sticky {
		to.CopyAffinity(g.board, g.moved)
	}
}

// handCounts moves the counts of an older generation's targets to the current one.
// The older workers may continue counting, so both boards are summed until the
// older one is retired.
func (g *generation) handCounts(current *generation) {
	for i, slot := range g.moved {
		if slot >= 0 {
			g.board.TargetTally(i).Move(current.board.TargetTally(slot))
		}
	}
}

// sameTarget compares addresses and names. The name contains the zone by its name,
// because an interface that is made again has another index.
func sameTarget(a, b *board.Target) bool {
	x, y := a.Addr, b.Addr
	x.Zone, y.Zone = 0, 0
	return x == y && a.Name == b.Name
}

// matchTargets returns, for each target slot of one board, the slot of the same
// target on another, or -1, and whether both have the same targets in the same
// order. A target may occur more than once.
func matchTargets(from, to *board.Board) (slots []int, same bool) {
	taken := map[int]bool{}
	n, m := int(from.Assignment.TargetCount), int(to.Assignment.TargetCount)
	slots, same = make([]int, n), from.Places() == to.Places()
	for i := range n {
		slots[i] = -1
		for k := range m {
			j := (i + k) % m // most often it has the same position
			if !taken[j] && to.Target(j).Gone == 0 && sameTarget(from.Target(i), to.Target(j)) {
				slots[i], taken[j] = j, true
				break
			}
		}
	}
	for place := range to.Places() {
		same = same && slots[from.SlotAt(place)] == to.SlotAt(place)
	}
	return slots, same
}
