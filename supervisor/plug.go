// A plug: what belongs to one set of listeners, rules, targets and workers, and
// not to the process that serves it.

package supervisor

import (
	"slices"
	"time"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/policy"
	"daemon/plug/worker/board"
)

// plug is the unit of service. The master owns it; only the loop touches it.
type plug struct {
	cfg     *config.Config
	settled settled // beside cfg
	tag     string  // what its records in syslog begin with

	listeners  []int
	revival    revival // of a listener that was shut down
	zones      []*zone
	sourceLost bool // the listener's interface, and that was said

	generation *generation   // the one that accepts
	older      []*generation // whose sessions live on, the oldest first
	affinity   [2]uint64     // the generations' key; new if zero
	paused     bool

	count      [lifeStates]int // of its workers, by state
	drainQueue []*child        // draining ones that don't know it yet
	nudged     int             // index of the spare that was nudged last
	nudges     int             // ticks in a row that found clients waiting beside spares
	probe      policy.Probe
	limitSaid  bool // that --max-workers is reached

	sessionFile sessionFile
	totals      counters.Totals
	dropReport  dropReport
}

// newPlug makes a plug of a checked configuration.
func newPlug(cfg *config.Config) *plug {
	return &plug{cfg: cfg, settled: settle(cfg), tag: cfg.Source.Tag()}
}

// switchTo has clients accepted by next, with this gate, and by none of the older
// generations: their gates close first, and what the newest of them remembers
// (rotation, affinity, failed marks) is carried over. It returns how long no gate
// was open; clients wait in the kernel's queue meanwhile.
func (p *plug) switchTo(next *generation, older []*generation, gate uint32) time.Duration {
	begun := time.Now()
	slices.SortFunc(older, func(a, b *generation) int { return int(a.number) - int(b.number) })
	for _, g := range older {
		g.board.State.Gate.Store(board.GateDraining)
	}
	if n := len(older); n > 0 {
		carry(older[n-1].board, next.board, p.cfg.Sticky)
	}
	next.board.State.Gate.Store(gate)
	p.generation, p.older = next, older
	return time.Since(begun)
}
