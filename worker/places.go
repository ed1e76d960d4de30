// A worker's places for sessions: which are free, whether another client may be accepted,
// and how a session takes and leaves its place. Both engines use it.

package worker

import (
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// places are a worker's sessions, and what decides whether it takes more.
type places struct {
	table    []*session // by row; each made when first used
	free     []int      // rows without a session
	live     int
	draining bool // takes no more sessions
	orphan   bool // the master is gone
}

func makePlaces(rows int) (p places) {
	p.table, p.free = make([]*session, rows), make([]int, rows)
	for i := range p.free {
		p.free[i] = rows - 1 - i
	}
	return p
}

// mayAccept reports whether a client would be served, and should be served by this worker
// rather than by another one.
func (e *engine) mayAccept() bool { return e.canServe() && !e.overloaded() }

// canServe reports whether a client would be served.
func (e *engine) canServe() bool {
	return e.room() && !e.draining && !e.resting() &&
		e.board.State.Gate.Load() == board.GateOpen &&
		(e.most == 0 || e.uses+uint32(e.live) < e.most)
}

// room reports whether the worker has room for another session.
func (e *engine) room() bool {
	return e.live < int(e.board.Assignment.Capacity) && len(e.free) > 0
}

// done reports whether the worker's life is over.
func (e *engine) done() bool {
	return e.live == 0 && (e.draining || e.usedUp()) && !e.staysForLines(e.orphan)
}

// admits reports whether the rules admit a client, and records a refusal.
func (w *worker) admits(client *board.Addr) bool {
	if w.board.Admit(client) {
		return true
	}
	w.column.Refused.Add(1)
	w.records.refused(client)
	return false
}

// place takes a free row and its session.
func (e *engine) place() *session {
	i := e.free[len(e.free)-1]
	e.free = e.free[:len(e.free)-1]
	s := e.table[i]
	if s == nil {
		s = e.newSession(i, e.board.Row(e.worker.slot, i))
		e.table[i] = s
		if c := e.column; c.Rows.Load() <= uint32(i) {
			c.Rows.Store(uint32(i) + 1)
		}
	}
	s.renew()
	return s
}

// begins publishes the session of an admitted client on its row.
func (e *engine) begins(row *board.Row, client board.Addr) {
	e.publish(row, client)
	e.live++
	e.column.Live.Store(uint32(e.live))
	if e.board.State.LogAt.Load() >= 2 {
		e.records.debug("session started", record.Str("client", client.String()))
	}
}

// giveBack settles an ended session and gives its place back. The row stays while its
// line is unwritten.
func (e *engine) giveBack(row *board.Row, index int, reason string) {
	outcome := board.Outcome(row.Outcome.Load())
	settled := e.settle(row, index, reason)
	e.uses++
	e.live--
	e.column.Live.Store(uint32(e.live))
	if settled {
		e.free = append(e.free, index)
	} else {
		e.retryUnwritten(len(e.free) == 0)
	}
	if e.board.Assignment.Uses == 1 {
		e.status = outcome.Status()
	}
}

// retryUnwritten retries the unwritten lines, and gets the rows of those that are
// written.
func (e *engine) retryUnwritten(force bool) {
	e.free = append(e.free, e.retryLines(force)...)
	e.retryAgain(len(e.unwritten) > 0)
}

// sessionAt is the session that an order refers to, nil if it no longer exists.
func (e *engine) sessionAt(row uint32, epoch uint64) *session {
	if int(row) >= len(e.table) {
		return nil
	}
	if s := e.table[row]; s != nil && s.ongoing() && s.row.Word().Epoch() == epoch {
		return s
	}
	return nil
}
