// Lost wake-ups: clients that wait although workers sleep. A tick that finds such
// clients wakes spares with an order over their lifelines.

package supervisor

import (
	"daemon/plug/worker/report"
)

// nudge wakes a spare if clients wait while spares sleep: the wake-up for them may
// have gone to a worker that could not or did not use it. Each call wakes a
// different spare.
func (p *plug) nudge() {
	if p.neglected() {
		p.wake(max(1, p.supply.nudges))
	}
}

// neglected reports whether clients wait although there are spares.
func (p *plug) neglected() bool {
	return p.m.phase == running && !p.m.upgrades.frozen && !p.paused && p.count[spare] > 0 && p.queued() > 0
}

// nudgeMore is the tick's nudge. It wakes one more spare than the time before if
// clients still wait and too few spares take any, because spares may be stopped.
func (p *plug) nudgeMore() {
	if !p.neglected() {
		p.supply.nudges = 0
		p.supply.probe.Reset()
		return
	}
	p.supply.nudges++
	if !p.pool() {
		p.scaleForBacklog()
	}
	p.wake(p.supply.nudges)
}

// wake nudges n spares, beginning after the one that was nudged last.
func (p *plug) wake(n int) {
	s := &p.supply
	for range p.roster {
		s.nudged = (s.nudged + 1) % len(p.roster)
		if c := p.roster[s.nudged]; c.state == spare {
			c.send(report.Nudge)
			if n--; n == 0 {
				return
			}
		}
	}
}
