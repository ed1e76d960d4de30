// Lost wake-ups: clients that wait although workers sleep. A tick that finds such
// clients wakes spares with an order over their lifelines.

package supervisor

import (
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/report"
)

// nudge wakes a spare if clients wait while spares sleep: the wake-up for them may
// have gone to a worker that could not or did not use it. Each call wakes a
// different spare.
func (m *master) nudge() {
	if m.neglected() {
		m.wake(max(1, m.plug.nudges))
	}
}

// neglected reports whether clients wait although there are spares.
func (m *master) neglected() bool {
	return m.phase == running && !m.upgrades.frozen && !m.plug.paused && m.plug.count[spare] > 0 && host.Queued(m.plug.listeners[0]) > 0
}

// nudgeMore is the tick's nudge. It wakes one more spare than the time before if
// clients still wait and too few spares take any, because spares may be stopped.
func (m *master) nudgeMore() {
	if !m.neglected() {
		m.plug.nudges = 0
		m.plug.probe.Reset()
		return
	}
	m.plug.nudges++
	if !m.pool() {
		m.scaleForBacklog()
	}
	m.wake(m.plug.nudges)
}

// wake nudges n spares, beginning after the one that was nudged last.
func (m *master) wake(n int) {
	for range m.roster {
		m.plug.nudged = (m.plug.nudged + 1) % len(m.roster)
		if c := m.roster[m.plug.nudged]; c.state == spare {
			m.send(c, report.Nudge)
			if n--; n == 0 {
				return
			}
		}
	}
}
