// How many workers there are: everything that starts workers or retires spares
// because of the number of clients. Package policy calculates; this file counts
// and acts.

package supervisor

import (
	"slices"
	"time"

	"daemon/plug/supervisor/policy"
	"daemon/plug/worker/board"
)

// supply is what a plug knows about its need for workers.
type supply struct {
	nudged    int // index of the spare that was nudged last
	nudges    int // successive ticks that found clients waiting although there were spares
	probe     policy.Probe
	limitSaid bool // it has been logged that --max-workers is reached

	unused int // the fewest free spares since the window began
	window int // tick at which it began

	peak int // the most busy workers in the last complete period, for a new master
	high int // the same in the current period
}

// populate keeps as many workers as the policy wants.
func (p *plug) populate() {
	if p.m.phase == stopping || p.m.upgrades.frozen || p.m.phase == adopting || p.spawning.rests(time.Now()) {
		return
	}
	s := p.demand()
	n := s.ToStart()
	if p.m.phase == opening {
		n = max(n, min(p.first, s.Limit)-s.Total)
	}
	if p.pool() {
		n = p.settled.workers - p.count[starting] - p.count[spare] - p.count[busy]
	}
	for range n {
		if !p.startWorker() {
			break
		}
	}
	s.Starting = p.count[starting]
	p.setMayBatch(s)
	p.noteLimit(s)
}

// limit returns how many workers the plug may have now: its own maximum, or what the
// other plugs leave of the process's, but always its minimum.
func (p *plug) limit() int {
	if p.m.cfg.Budget == 0 {
		return p.settled.maxWorkers
	}
	return min(p.settled.maxWorkers, max(p.cfg.MinWorkers(), len(p.roster)+p.m.left))
}

// unclaimed returns how many workers more than their minima all plugs together may have,
// if that is limited.
func (m *master) unclaimed() int {
	if m.cfg.Budget == 0 {
		return 0
	}
	n := m.cfg.Budget - len(m.roster)
	for _, p := range m.plugs {
		n -= max(0, p.cfg.MinWorkers()-len(p.roster))
	}
	return max(0, n)
}

func (p *plug) demand() policy.Demand {
	s := policy.Demand{Spares: p.count[spare], Starting: p.count[starting], Busy: p.count[busy],
		Min: p.cfg.SparesMin, Max: p.cfg.SparesMax, Limit: p.limit(), Total: len(p.roster)}
	if s.Spares == 0 && p.m.phase == running && !p.paused && !p.pool() && !p.revives() {
		s.Waiting = p.queued()
		if s.Waiting == 0 && s.Starting == 0 && s.Busy < s.Limit {
			for _, l := range p.listeners {
				p.m.watcher.Listen(l.fd) // no worker waits on it, so the watcher reports the next client
			}
		}
	}
	return s
}

func (p *plug) setMayBatch(s policy.Demand) {
	plenty := uint32(0)
	if s.MayBatch() {
		plenty = 1
	}
	if word := &p.generation.board.State.MayBatch; word.Load() != plenty {
		word.Store(plenty)
	}
}

// noteLimit logs, once for each time it begins, that clients have to wait for a
// worker.
func (p *plug) noteLimit(s policy.Demand) {
	switch {
	case s.AtLimit() && !p.supply.limitSaid:
		p.supply.limitSaid = true
		reason := "--max-workers reached: every worker has a session"
		if s.Limit < p.settled.maxWorkers {
			reason = "max-workers of all plugs reached: every worker of this one has a session"
		}
		p.log.Error("clients are waiting", "reason", reason, "max-workers", s.Limit)
	case p.supply.limitSaid && s.Spares > p.cfg.SparesMin:
		p.supply.limitSaid = false
	}
}

// rest retires spares that have not been needed for a while. A spare that serves
// short sessions in quick succession sends no doorbell, so the board is checked.
func (p *plug) rest() {
	if p.pool() || p.m.phase != running || p.m.upgrades.frozen {
		return
	}
	s, now, free, idle := &p.supply, p.m.ticks.n, 0, []*child(nil)
	for _, c := range p.roster {
		if c.state == spare && !c.generation.carries(c.slot) {
			free++
			idle = append(idle, c)
		}
	}
	if now == s.window || free < s.unused {
		s.unused = free
	}
	if now-s.window < restAfter {
		return
	}
	most := p.cfg.SparesMax
	if p.cfg.SparesMin == 0 {
		most = 0 // a plug that may have no workers then has none
	}
	for _, c := range idle[len(idle)-min(len(idle), policy.Surplus(s.unused, most)):] {
		p.m.apply(c, toldDrain)
	}
	if s.unused > most {
		s.window, s.unused = now-restAfter+checkEvery, free // the rest of the surplus is retired sooner
		return
	}
	s.window, s.unused = now, free
}

// scaleForBacklog adds workers for clients that wait although there are spares.
// If all spares have been nudged without effect, they are assumed to be stopped:
// then other workers are started, one at a time. If the spares are active, more
// workers are started as long as that helps.
func (p *plug) scaleForBacklog() {
	if p.deaf() {
		return // another worker could not accept either
	}
	spares, sessions := p.activeSpares()
	switch {
	case p.count[starting] > 0:
		p.supply.probe.Reset()
	case spares >= max(1, p.cfg.SparesMin):
		p.supply.nudges = 1
		if n := p.supply.probe.Sample(time.Now(), sessions, p.count[spare]); n < 0 {
			p.retireNewest(-n)
		} else if n > 0 {
			p.supply.probe.Extra = p.spawnExtra(n)
		}
	case p.supply.nudges > p.count[spare]+1:
		p.spawnExtra(1)
	}
}

// spawnExtra starts up to n workers, and returns how many it started.
func (p *plug) spawnExtra(n int) (started int) {
	if p.spawning.rests(time.Now()) {
		return 0
	}
	for n = min(n, p.limit()-len(p.roster)); started < n && p.startWorker(); {
		started++
	}
	return started
}

// retireNewest retires n spares, the newest first.
func (p *plug) retireNewest(n int) {
	for _, c := range slices.Backward(p.roster) {
		if n > 0 && c.state == spare {
			p.m.apply(c, toldDrain)
			n--
		}
	}
}

// activeSpares returns how many spares have ended sessions since the last call,
// and how many sessions: spares that serve short sessions in quick succession send
// no doorbells.
func (p *plug) activeSpares() (spares int, sessions uint64) {
	for _, c := range p.roster {
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
func (p *plug) ready() int {
	if p.pool() {
		return p.count[spare] + p.supply.peak
	}
	return policy.FirstWorkers(p.count[spare], p.cfg.SparesMin, max(0, max(p.supply.peak, p.count[busy])-p.longLived()))
}

// longLived returns how many workers have had one session for longer than the peak
// covers: they were counted all that time, and continue as they are.
func (p *plug) longLived() (n int) {
	since := p.m.mono() - int64(2*restAfter*tickEvery)
	var s board.Snapshot
	for _, c := range p.roster {
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
