package supervisor

import (
	"slices"
	"time"

	"daemon/plug/worker/report"
)

// nudge wakes a spare if clients wait while spares sleep: the wake-up that was
// theirs may have gone to a worker that could not use it, or would not. Each time
// it is another spare's turn.
func (m *master) nudge() {
	if m.neglected() {
		m.wake(max(1, m.nudges))
	}
}

// neglected reports whether clients wait beside spares.
func (m *master) neglected() bool {
	return m.phase == running && !m.frozen && !m.paused && m.count[spare] > 0 && queued(m.listeners[0]) > 0
}

// nudgeMore is the tick's nudge: one spare more than the time before if clients
// wait still and too few spares take any, since spares may be stopped.
func (m *master) nudgeMore() {
	if !m.neglected() {
		m.nudges = 0
		m.probe.reset()
		return
	}
	m.nudges++
	if !m.pool() {
		m.scaleForBacklog()
	}
	m.wake(m.nudges)
}

// wake nudges n spares, the next ones in the roster.
func (m *master) wake(n int) {
	for range m.roster {
		m.nudged = (m.nudged + 1) % len(m.roster)
		if c := m.roster[m.nudged]; c.state == spare {
			m.send(c, report.Nudge)
			if n--; n == 0 {
				return
			}
		}
	}
}

// scaleForBacklog has clients that wait beside spares served by more workers. Spares that
// have all been woken up in vain are stopped: another one is started, one at a
// time. Those that are at work are helped if help is any.
func (m *master) scaleForBacklog() {
	if m.deaf() {
		return // no other worker would get further
	}
	spares, sessions := m.activeSpares()
	switch {
	case m.count[starting] > 0:
		m.probe.reset()
	case spares >= max(1, m.cfg.SparesMin):
		m.nudges = 1
		if n := m.probe.sample(time.Now(), sessions, m.count[spare]); n < 0 {
			m.retireNewest(-n)
		} else if n > 0 {
			m.probe.extra = m.spawnExtra(n)
		}
	case m.nudges > m.count[spare]+1:
		m.spawnExtra(1)
	}
}

// spawnExtra starts up to n workers, and returns how many.
func (m *master) spawnExtra(n int) (started int) {
	if m.spawner.rests(time.Now()) {
		return 0
	}
	for n = min(n, m.cfg.MaxWorkers-len(m.roster)); started < n && m.startWorker(); {
		started++
	}
	return started
}

// retireNewest lets n spares go, the newest first.
func (m *master) retireNewest(n int) {
	for _, c := range slices.Backward(m.roster) {
		if n > 0 && c.state == spare {
			m.apply(c, toldDrain)
			n--
		}
	}
}

// activeSpares is how many spares have ended sessions since it was last asked, and
// how many sessions: those that serve one short session after the other ring
// no bell.
func (m *master) activeSpares() (spares int, sessions uint64) {
	for _, c := range m.roster {
		if c.state != spare {
			continue
		}
		if turns := c.generation.sessionsOf(c.slot); turns != c.worked {
			sessions += turns - c.worked
			c.worked = turns
			spares++
		}
	}
	return spares, sessions
}
