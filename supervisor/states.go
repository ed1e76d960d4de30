// Workers and sessions as an admin counts them: states by name, and how many
// sessions there may be.

package supervisor

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
		return m.plug.settled.maxWorkers, 0
	}
	capacity := int(m.plug.generation.board.Assignment.Capacity)
	return m.plug.settled.workers * capacity, capacity
}
