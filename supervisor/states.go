// Workers and sessions as an admin counts them: states by name, and limits on the
// number of sessions.

package supervisor

// stateNow returns a worker's state as an admin sees it. For the pool policy a
// pool worker that has room is a spare; for an admin it is busy if it has a
// session.
func (c *child) stateNow() string {
	if c.state == spare && c.generation.pool() && c.generation.board.Column(c.slot).Live.Load() > 0 {
		return busy.String()
	}
	return c.state.String()
}

// workersByState counts the workers of all generations.
func (p *plug) workersByState() map[string]int {
	count := map[string]int{}
	for state := starting; state < gone; state++ {
		count[state.String()] = 0
	}
	for _, c := range p.roster {
		if c.state != gone {
			count[c.stateNow()]++
		}
	}
	return count
}

// sessionLimits returns how many sessions there may be at a time, and how many of
// them one pool worker may have; 0 in the other modes.
func (p *plug) sessionLimits() (all, ofPoolWorker int) {
	if !p.pool() {
		return p.settled.maxWorkers, 0
	}
	capacity := int(p.generation.board.Assignment.Capacity)
	return p.settled.workers * capacity, capacity
}
