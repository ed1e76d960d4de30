// How many workers there are: everything that starts workers or retires spares
// because of the number of clients. Package policy calculates; this file counts
// and acts.

package supervisor

import (
	"slices"
	"time"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/policy"
	"daemon/plug/worker/board"
)

// populate keeps as many workers as the policy wants.
func (m *master) populate() {
	if m.phase == stopping || m.upgrades.frozen || m.phase == adopting || m.spawner.rests(time.Now()) {
		return
	}
	s := m.demand()
	n := s.ToStart()
	if m.phase == opening {
		n = max(n, min(m.startup.workers, s.Limit)-s.Total)
	}
	if m.pool() {
		n = m.plug.settled.workers - m.plug.count[starting] - m.plug.count[spare] - m.plug.count[busy]
	}
	for range n {
		if !m.startWorker() {
			break
		}
	}
	s.Starting = m.plug.count[starting]
	m.setMayBatch(s)
	m.noteLimit(s)
}

func (m *master) demand() policy.Demand {
	s := policy.Demand{Spares: m.plug.count[spare], Starting: m.plug.count[starting], Busy: m.plug.count[busy],
		Min: m.plug.cfg.SparesMin, Max: m.plug.cfg.SparesMax, Limit: m.plug.settled.maxWorkers, Total: len(m.roster)}
	if s.Spares == 0 && m.phase == running && !m.plug.paused && !m.pool() && m.plug.revival.since.IsZero() {
		s.Waiting = host.Queued(m.plug.listeners[0])
		if s.Waiting == 0 && s.Starting == 0 && s.Busy < s.Limit {
			m.watcher.Listen(m.plug.listeners[0]) // no worker waits on it, so the watcher reports the next client
		}
	}
	return s
}

func (m *master) setMayBatch(s policy.Demand) {
	plenty := uint32(0)
	if s.MayBatch() {
		plenty = 1
	}
	if p := &m.plug.generation.board.State.MayBatch; p.Load() != plenty {
		p.Store(plenty)
	}
}

// noteLimit logs, once for each time it begins, that clients have to wait for a
// worker.
func (m *master) noteLimit(s policy.Demand) {
	switch {
	case s.AtLimit() && !m.plug.limitSaid:
		m.plug.limitSaid = true
		m.log.Error("clients are waiting", "reason", "--max-workers reached: every worker has a session", "max-workers", s.Limit)
	case m.plug.limitSaid && s.Spares > m.plug.cfg.SparesMin:
		m.plug.limitSaid = false
	}
}

// rest retires spares that have not been needed for a while. A spare that serves
// short sessions in quick succession sends no doorbell, so the board is checked.
func (m *master) rest() {
	if m.pool() || m.phase != running || m.upgrades.frozen {
		return
	}
	t, free, idle := &m.ticks, 0, []*child(nil)
	for _, c := range m.roster {
		if c.state == spare && !c.generation.carries(c.slot) {
			free++
			idle = append(idle, c)
		}
	}
	if t.n == t.window || free < t.unused {
		t.unused = free
	}
	if t.n-t.window < restAfter {
		return
	}
	most := m.plug.cfg.SparesMax
	if m.plug.cfg.SparesMin == 0 {
		most = 0 // a plug that may have no workers then has none
	}
	for _, c := range idle[len(idle)-min(len(idle), policy.Surplus(t.unused, most)):] {
		m.apply(c, toldDrain)
	}
	if t.unused > most {
		t.window, t.unused = t.n-restAfter+checkEvery, free // the rest of the surplus is retired sooner
		return
	}
	t.window, t.unused = t.n, free
}

// scaleForBacklog adds workers for clients that wait although there are spares.
// If all spares have been nudged without effect, they are assumed to be stopped:
// then other workers are started, one at a time. If the spares are active, more
// workers are started as long as that helps.
func (m *master) scaleForBacklog() {
	if m.deaf() {
		return // another worker could not accept either
	}
	spares, sessions := m.activeSpares()
	switch {
	case m.plug.count[starting] > 0:
		m.plug.probe.Reset()
	case spares >= max(1, m.plug.cfg.SparesMin):
		m.plug.nudges = 1
		if n := m.plug.probe.Sample(time.Now(), sessions, m.plug.count[spare]); n < 0 {
			m.retireNewest(-n)
		} else if n > 0 {
			m.plug.probe.Extra = m.spawnExtra(n)
		}
	case m.plug.nudges > m.plug.count[spare]+1:
		m.spawnExtra(1)
	}
}

// spawnExtra starts up to n workers, and returns how many it started.
func (m *master) spawnExtra(n int) (started int) {
	if m.spawner.rests(time.Now()) {
		return 0
	}
	for n = min(n, m.plug.settled.maxWorkers-len(m.roster)); started < n && m.startWorker(); {
		started++
	}
	return started
}

// retireNewest retires n spares, the newest first.
func (m *master) retireNewest(n int) {
	for _, c := range slices.Backward(m.roster) {
		if n > 0 && c.state == spare {
			m.apply(c, toldDrain)
			n--
		}
	}
}

// activeSpares returns how many spares have ended sessions since the last call,
// and how many sessions: spares that serve short sessions in quick succession send
// no doorbells.
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

// ready returns how many workers a new master should begin with.
func (m *master) ready() int {
	if m.pool() {
		return m.plug.count[spare] + m.ticks.peak
	}
	return policy.FirstWorkers(m.plug.count[spare], m.plug.cfg.SparesMin, max(0, max(m.ticks.peak, m.plug.count[busy])-m.longLived()))
}

// longLived returns how many workers have had one session for longer than the peak
// covers: they were counted all that time, and continue as they are.
func (m *master) longLived() (n int) {
	since := m.mono() - int64(2*restAfter*tickEvery)
	var s board.Snapshot
	for _, c := range m.roster {
		if c.state != busy {
			continue
		}
		for row := range c.generation.rows(c.slot) {
			if row.Snapshot(&s) && s.Word.State() == board.RowLive && s.BeginAt < since {
				n++
			}
		}
	}
	return n
}
