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

// neglected tells whether clients wait beside spares.
func (m *master) neglected() bool {
	return m.phase == running && !m.frozen && !m.paused && m.count[spare] > 0 && queued(m.listeners[0]) > 0
}

// nudgeMore is the tick's nudge: one spare more than the time before if clients
// wait still and too few spares take any, since spares may be stopped.
func (m *master) nudgeMore() {
	if !m.neglected() {
		m.nudges = 0
		m.crowd.dissolve()
		return
	}
	m.nudges++
	if !m.pool() {
		m.relieve()
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

// relieve has clients that wait beside spares served by more workers. Spares that
// have all been woken up in vain are stopped: another one is started, one at a
// time. Those that are at work are helped if help is any.
func (m *master) relieve() {
	if m.deaf() {
		return // no other worker would get further
	}
	spares, sessions := m.atWork()
	switch {
	case m.count[starting] > 0:
		m.crowd.dissolve()
	case spares >= max(1, m.cfg.SparesMin):
		m.nudges = 1
		if n := m.crowd.look(time.Now(), sessions, m.count[spare]); n < 0 {
			m.dismiss(-n)
		} else if n > 0 {
			m.crowd.joined = m.reinforce(n)
		}
	case m.nudges > m.count[spare]+1:
		m.reinforce(1)
	}
}

// reinforce starts up to n workers, and returns how many.
func (m *master) reinforce(n int) (started int) {
	if m.nursery.rests(time.Now()) {
		return 0
	}
	for n = min(n, m.cfg.MaxWorkers-len(m.roster)); started < n && m.conceive(); {
		started++
	}
	return started
}

// dismiss lets n spares go, the newest first.
func (m *master) dismiss(n int) {
	for _, c := range slices.Backward(m.roster) {
		if n > 0 && c.state == spare {
			m.happen(c, toldDrain)
			n--
		}
	}
}

// atWork is how many spares have ended sessions since it was last asked, and
// how many sessions: those that serve one short session after the other ring
// no bell.
func (m *master) atWork() (spares int, sessions uint64) {
	for _, c := range m.roster {
		if c.state != spare {
			continue
		}
		if turns := c.generation.turns(c.slot); turns != c.worked {
			sessions += turns - c.worked
			c.worked = turns
			spares++
		}
	}
	return spares, sessions
}
