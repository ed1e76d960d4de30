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
	settled settled // values that replace open ones of cfg
	tag     string  // its syslog records begin with it

	listeners  []int
	revival    revival // of a listener that was shut down
	zones      []*zone
	sourceLost bool // the listener's interface is gone, and that was logged

	generation *generation   // the one that accepts clients
	older      []*generation // those with live sessions, the oldest first
	affinity   [2]uint64     // the generations' key; a new one is made if it is zero
	paused     bool

	count      [lifeStates]int // of its workers, by state
	drainQueue []*child        // draining workers that have not been told yet
	nudged     int             // index of the spare that was nudged last
	nudges     int             // successive ticks that found clients waiting although there were spares
	probe      policy.Probe
	limitSaid  bool // it has been logged that --max-workers is reached

	sessionFile sessionFile
	totals      counters.Totals
	dropReport  dropReport
}

// newPlug makes a plug of a checked configuration.
func newPlug(cfg *config.Config) *plug {
	return &plug{cfg: cfg, settled: settle(cfg), tag: cfg.Source.Tag()}
}

// switchTo makes next the only generation that accepts clients, with this value of
// its gate. The gates of the older generations close first, and the state of the
// newest of them (rotation, affinity, failed targets) is copied. It returns how
// long no gate was open; during that time clients wait in the kernel's queue.
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
