// The roster: every worker with its state, and the table that defines what each
// event does in each state.

package supervisor

import (
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/report"
)

// lifeState is a worker's state.
type lifeState uint8

const (
	starting lifeState = iota // forked, or about to be; next: spare, busy, draining, gone
	spare                     // waits for clients; next: busy, draining, gone
	busy                      // carries a session; next: spare, draining, gone
	draining                  // takes nothing new; next: gone
	gone                      // dead; next: none
	lifeStates
)

func (s lifeState) String() string {
	return [...]string{"starting", "spare", "busy", "draining", "gone", "?"}[min(s, lifeStates)]
}

// lifeEvent is an event in a worker's life.
type lifeEvent uint8

const (
	isReady   lifeEvent = iota // doorbell: it waits for its first client
	hasBegun                   // doorbell or board: it carries a session
	hasEnded                   // doorbell or board: it carries none
	toldDrain                  // the master wants it to drain
	hasDied                    // its pidfd reports it
	lifeEvents
)

// transition is one cell of the table: the next state, and the action.
type transition struct {
	next lifeState
	do   func(*plug, *child)
}

// transitions is the whole life of a worker. A doorbell that does not fit the
// state is ignored: the action is nil, and the state stays.
var transitions = [lifeStates][lifeEvents]transition{
	starting: {
		isReady:   {spare, (*plug).welcome},
		hasBegun:  {busy, (*plug).welcomeBusy}, // READY was lost because the pipe was full
		hasEnded:  {spare, (*plug).welcome},
		toldDrain: {draining, (*plug).sendDrain},
		hasDied:   {gone, (*plug).buryUnready},
	},
	spare: {
		isReady:   {spare, nil},
		hasBegun:  {busy, (*plug).list},
		hasEnded:  {spare, nil},
		toldDrain: {draining, (*plug).sendDrain},
		hasDied:   {gone, (*plug).burySpare},
	},
	busy: {
		isReady:   {busy, nil},
		hasBegun:  {busy, nil},
		hasEnded:  {spare, (*plug).unlist},
		toldDrain: {draining, (*plug).sendDrain},
		hasDied:   {gone, (*plug).bury},
	},
	draining: {
		isReady:   {draining, nil},
		hasBegun:  {draining, (*plug).list}, // the client of its last accept
		hasEnded:  {draining, (*plug).unlist},
		toldDrain: {draining, nil},
		hasDied:   {gone, (*plug).bury},
	},
	gone: {
		isReady:   {gone, nil},
		hasBegun:  {gone, nil},
		hasEnded:  {gone, nil},
		toldDrain: {gone, nil},
		hasDied:   {gone, nil},
	},
}

// apply applies one event to one worker.
func (m *master) apply(c *child, event lifeEvent) {
	cell, p := m.transitions[c.state][event], c.plug()
	if cell.next != c.state {
		count := p.countOf(c.generation)
		count[c.state]--
		count[cell.next]++
		c.state = cell.next
	}
	if cell.do != nil {
		cell.do(p, c)
	}
}

// child is the roster's entry for one worker.
type child struct {
	id             uint64 // in the order of start; never reused
	state          lifeState
	slot           int
	pid            int // 0 until the fork has returned
	pidfd          int
	lifeline       int
	generation     *generation
	listed         bool   // in the pidfile
	unheard        bool   // doorbells were lost before it had a PID
	sessionsBefore uint64 // sessions that the slot's rows had carried before this worker started
	worked         uint64 // and had carried at the last check whether it takes clients (activeSpares)
	status         watch.Status
	leftAt         uint64 // the first version of the pidfile without it
	born           int64  // Unix ns
	condemned      bool   // an admin ended its session by killing it
	behind         bool   // it could not be sent the current assignment
}

// list and unlist put a worker into the pidfile, or remove it.
func (p *plug) list(c *child) {
	if !c.listed {
		c.listed = true
		p.m.pidfile.dirty = true
	}
}

func (p *plug) unlist(c *child) {
	if c.listed && !c.generation.pool() {
		c.listed = false
		p.m.pidfile.dirty = true
	}
}

// welcome handles a worker's first sign of life.
func (p *plug) welcome(c *child) {
	p.spawning.release()
	if c.generation.pool() {
		p.list(c)
	}
}

func (p *plug) welcomeBusy(c *child) {
	p.welcome(c)
	p.list(c)
}

// sendDrain tells a worker to drain. A worker of an older generation that has its
// one session would not act on it before the session ends, and the gate keeps it
// from accepting another. It is told later, so that a commit does not wake
// thousands of workers at once.
func (p *plug) sendDrain(c *child) {
	if g := c.generation; g != p.generation && !g.pool() && g.carries(c.slot) {
		p.drainQueue = append(p.drainQueue, c)
		return
	}
	c.send(report.Drain)
}

// sendDrains tells some of the draining workers that have not been told yet.
func (p *plug) sendDrains(most int) {
	for range min(most, len(p.drainQueue)) {
		if c := p.drainQueue[0]; c.state == draining {
			c.send(report.Drain)
		}
		p.drainQueue = p.drainQueue[1:]
	}
	if len(p.drainQueue) == 0 {
		p.drainQueue = nil
	}
}

func (p *plug) pool() bool { return p.generation.pool() }

func (g *generation) pool() bool { return g.board.Assignment.Pool() }
