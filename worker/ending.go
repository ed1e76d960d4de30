//go:build linux && !portable

// How a session ends: end closes in order, abort resets. Who ended it was recorded before.
// A side that has failed gets here through delivering.go. Every end goes through bury, which releases everything that a
// session holds and writes its records.

package worker

import (
	"sync/atomic"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// end ends a session whose sockets are closed in the ordinary way.
func (e *engine) end(s *session, outcome board.Outcome) {
	e.finishAs(s, outcome)
	e.bury(s)
}

// abort ends a session so that neither side mistakes it for a clean end. What the kernel
// has not delivered yet is lost, so it is subtracted from the counts.
func (e *engine) abort(s *session, outcome board.Outcome) {
	takeOff(&s.row.In, s.undelivered(&s.client, &s.target))
	takeOff(&s.row.Out, s.undelivered(&s.target, &s.client))
	e.finishAs(s, outcome)
	for _, d := range [...]*side{&s.client, &s.target} {
		if d.fd >= 0 {
			kernel.ResetAtClose(d.fd)
		}
	}
	e.bury(s)
}

// finishAs publishes the outcome. The stage of a session that was delivering is that at
// which it began to.
func (e *engine) finishAs(s *session, outcome board.Outcome) {
	if s.state == delivering {
		e.reach(s.row, s.leaving.stage)
	}
	e.finish(s.row, outcome, s.who, s.timer)
}

// bury closes what the session holds, writes its records and gives its row back.
func (e *engine) bury(s *session) {
	e.timers.remove(s)
	if len(e.backlogs) > 0 {
		delete(e.backlogs, s)
	}
	for _, d := range [...]*side{&s.client, &s.target} {
		if d.fd >= 0 {
			kernel.Close(d.fd)
			d.fd = -1
		}
		e.relay.release(d)
		e.relay.releasePipe(d)
	}
	s.state = ended
	if s.tried != nil {
		e.trials = append(e.trials, s.tried)
		s.tried = nil
	}
	reason := ""
	if s.dialog != nil {
		reason = s.dialog.refusal
	}
	e.giveBack(s.row, int(s.index), reason)
	e.agenda[asideDuty] = 0
	e.tellSoon()
	e.join()
}

// endedByAdmin ends a session on an admin's order or a signal.
func (e *engine) endedByAdmin(s *session, who board.Culprit) {
	s.who = who
	e.abort(s, board.AdminEnded)
}

// desert ends a session for whose client nothing more can be done.
func (e *engine) desert(s *session) {
	s.who = noteDeserted(s.row, s.client.errno)
	e.abort(s, board.Cut)
}

// answers records the time of the target's first byte, before that byte is passed on.
func (e *engine) answers(s *session) {
	s.answered = true
	s.row.First.Store(e.clock.mono)
}

// endsFirst records which side ended its direction first, once. If both did so within one
// iteration, it is the client, which is checked first.
func (e *engine) endsFirst(s *session) {
	if s.first != board.Nobody || s.state == delivering {
		return
	}
	s.first = board.ByTarget
	if s.client.eof {
		s.first = board.ByClient
	}
	e.reach(s.row, board.HalfClosed)
	s.halved = e.clock.mono
	if e.lasts(halfClosedTimer) != 0 {
		e.arm(s)
	}
}

// undelivered is how many bytes of a direction were read but have not reached the
// receiver's kernel, as far as this host's kernel knows.
func (s *session) undelivered(from, to *side) int {
	n := 0
	if from.block != nil {
		n += len(from.block.kept)
	}
	if from.pipe != nil {
		n += from.pipe.held
	}
	if lacksUnacknowledged(to.errno, s.state == delivering) {
		return n + unacknowledged(to)
	}
	unsent, _ := kernel.UnsentQueue(to.fd, to.shut)
	return n + unsent
}

// unacknowledged is how many of the bytes sent to a side its kernel has not acknowledged.
func unacknowledged(to *side) int {
	n, _ := kernel.OutQueue(to.fd, to.shut)
	return n
}

// takeOff subtracts bytes from a session's count. Only this worker writes it.
func takeOff(account *atomic.Uint64, n int) {
	if n > 0 {
		account.Store(account.Load() - min(account.Load(), uint64(n)))
	}
}
