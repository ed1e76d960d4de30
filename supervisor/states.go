package supervisor

import "daemon/plug/worker/board"

// stateNow is a worker's state as an admin sees it. To the pool policy a pool
// worker that has room is a spare; to an admin it is busy if it has a session.
func (c *child) stateNow() string {
	if c.state == spare && c.generation.pool() && c.generation.board.Column(c.slot).Live.Load() > 0 {
		return busy.String()
	}
	return c.state.String()
}

// workersByState counts all generations' workers.
func (m *master) workersByState() map[string]int {
	count := map[string]int{}
	for state := starting; state < gone; state++ {
		count[state.String()] = 0
	}
	for _, c := range m.roster {
		if c.state != gone {
			count[c.stateNow()]++
		}
	}
	return count
}

// sessionLimits are how many sessions there may be at a time, and how many of
// them a pool worker may have; 0 without a pool.
func (m *master) sessionLimits() (all, ofPoolWorker int) {
	if !m.pool() {
		return m.cfg.MaxWorkers, 0
	}
	capacity := int(m.generation.board.Assignment.Capacity)
	return m.cfg.Workers * capacity, capacity
}

// outcomes and causes are what ended sessions are counted by, as metrics name
// them: words without spaces.
var (
	outcomes = [...]string{board.Complete: "complete", board.Unreached: "unreached", board.Cut: "cut", board.Denied: "denied",
		board.Killed: "killed", board.AdminEnded: "admin"}
	causes = [...]string{board.Nobody: "unknown", board.ByClient: "client", board.ByTarget: "target", board.ByProxy: "proxy",
		board.ClientLate: "client_timeout", board.TargetLate: "target_timeout", board.ProxyLate: "proxy_timeout",
		board.ByAdmin: "admin", board.BySignal: "signal", board.ByWorker: "worker", board.ByMaster: "master",
		board.ByLimit: "limit", board.ByError: "error"}
)

// possible are the causes that each outcome may have. They are shown from the
// start, since a series that begins with its first event has no rate for it.
var possible = [...][]board.Culprit{
	board.Complete:   {board.ByClient, board.ByTarget, board.ByProxy},
	board.Unreached:  {board.ByTarget, board.ByProxy, board.TargetLate, board.ProxyLate, board.ByAdmin, board.ByLimit, board.ByError, board.ByClient},
	board.Cut:        {board.ByClient, board.ByTarget, board.ByProxy, board.ClientLate, board.TargetLate, board.ProxyLate, board.ByLimit, board.ByError},
	board.Denied:     {board.ByProxy, board.ProxyLate, board.ByClient, board.ByLimit, board.ByError},
	board.Killed:     {board.BySignal, board.ByWorker},
	board.AdminEnded: {board.ByAdmin, board.BySignal, board.ByMaster},
}

// words are ended sessions by outcome and cause.
func (e *ends) words() map[string]map[string]uint64 {
	words := make(map[string]map[string]uint64, len(outcomes))
	for outcome, word := range outcomes {
		by := make(map[string]uint64)
		for _, who := range possible[outcome] {
			by[causes[who]] = 0
		}
		for who, n := range e[outcome][:len(causes)] {
			if n > 0 {
				by[causes[who]] = n
			}
		}
		words[word] = by
	}
	for _, of := range e[len(outcomes):] { // of a newer version
		for _, n := range of {
			if n > 0 {
				words["unknown"] = map[string]uint64{"unknown": n + words["unknown"]["unknown"]}
			}
		}
	}
	return words
}
