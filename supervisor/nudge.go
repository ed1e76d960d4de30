package supervisor

import (
	"time"

	"daemon/plug/worker/report"
)

// nudge wakes a spare if clients wait while spares sleep: the wake-up that was
// theirs may have gone to a worker that could not use it, or would not. Each time another
// spare is nudged, and one more than the time before if clients wait still,
// since spares may be stopped.
func (m *master) nudge() {
	if m.phase != running || m.paused || m.count[spare] == 0 || queued(m.listeners[0]) == 0 {
		m.nudges = 0
		return
	}
	m.nudges++
	if m.nudges > m.count[spare]+1 && m.count[starting] == 0 && !m.pool() && len(m.roster) < m.cfg.MaxWorkers {
		if !time.Now().Before(m.nursery.until) {
			m.conceive() // all have been woken up in vain: they are stopped
		}
	}
	left := m.nudges
	for range m.roster {
		m.nudged = (m.nudged + 1) % len(m.roster)
		if c := m.roster[m.nudged]; c.state == spare {
			m.send(c, report.Nudge)
			if left--; left == 0 {
				return
			}
		}
	}
}
