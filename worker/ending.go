//go:build linux && !portable

// How a session ends: end closes in order, abort resets. A side that has failed comes
// here by way of delivering.go. Every end goes through bury, so nothing of a session is
// left behind and every session leaves its records.

package worker

import (
	"sync/atomic"
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// end ends a session whose sockets are closed in the ordinary way.
func (e *engine) end(s *session, outcome board.Outcome) {
	e.finish(s.row, outcome, e.endedBy(s, outcome))
	e.bury(s)
}

// abort ends a session so that neither side takes it for a clean end. What the
// kernel has not delivered yet is lost, and so it is taken off the account.
func (e *engine) abort(s *session, outcome board.Outcome) {
	if s.state == delivering {
		e.reach(s.row, s.leaving.stage)
	}
	takeOff(&s.row.In, s.undelivered(&s.client, &s.target))
	takeOff(&s.row.Out, s.undelivered(&s.target, &s.client))
	e.finish(s.row, outcome, e.endedBy(s, outcome))
	for _, d := range [...]*side{&s.client, &s.target} {
		if d.fd >= 0 {
			kernel.ResetAtClose(d.fd)
		}
	}
	e.bury(s)
}

// bury closes what the session holds, writes its records and gives its row back.
func (e *engine) bury(s *session) {
	e.timers.remove(s)
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
	e.giveBack(s.row, s.index, reason)
	e.agenda[asideDuty] = 0
	e.tellSoon()
	e.join()
}

// endedByAdmin ends a session at an admin's word, or at a signal.
func (e *engine) endedByAdmin(s *session, who board.Culprit) {
	s.who = who
	e.abort(s, board.AdminEnded)
}

// desert ends a session for whose client nothing more can be done.
func (e *engine) desert(s *session) {
	s.who = noteDeserted(s.row, s.client.errno)
	e.abort(s, board.Cut)
}

// endedBy is who ended a session: as was noted where it ended, else by its
// outcome and the errors of its sides.
func (e *engine) endedBy(s *session, outcome board.Outcome) board.Culprit {
	switch {
	case s.who != board.Nobody:
		return s.who
	case outcome == board.Complete:
		return s.first
	case outcome == board.AdminEnded:
		return board.ByAdmin
	case s.client.errno != 0:
		return timedOut(board.ByClient, s.client.errno)
	case s.target.errno != 0:
		return timedOut(board.ByTarget, s.target.errno)
	}
	return e.culprit(&s.failure)
}

// answers notes the target's first byte, before anybody can have seen it.
func (e *engine) answers(s *session) {
	s.answered = true
	s.row.First.Store(e.clock.mono)
}

// endsFirst notes who has ended its direction, once. Of two that did so within
// one turn it is the client, whose end is looked for first.
func (e *engine) endsFirst(s *session) {
	if s.first != board.Nobody || s.state == delivering {
		return
	}
	s.first = board.ByTarget
	if s.client.eof {
		s.first = board.ByClient
	}
	e.reach(s.row, board.HalfClosed)
}

// undelivered is how many bytes of a direction were read and have not reached the
// receiver's kernel, as far as this one knows.
func (s *session) undelivered(from, to *side) int {
	n := 0
	if from.block != nil {
		n += len(from.block.kept)
	}
	if from.pipe != nil {
		n += from.pipe.held
	}
	if to.errno == syscall.ETIMEDOUT || to.errno == 0 && s.state == delivering {
		return n + unacknowledged(from, to) // for long: it does not have them
	}
	// The last acknowledgment waits for company, and a reset comes without it: what
	// has left this host counts as arrived.
	return n + pastEnd(from, kernel.QueueOf(to.fd, kernel.Unsent))
}

// unacknowledged is how many of the bytes sent to a side its kernel has not
// acknowledged.
func unacknowledged(from, to *side) int {
	return pastEnd(from, kernel.QueueOf(to.fd, kernel.Unacknowledged))
}

// pastEnd is a send queue's length without the end that was passed on: the kernel
// counts a FIN as a byte.
func pastEnd(from *side, queue int) int {
	if from.done && queue > 0 {
		queue--
	}
	return queue
}

// takeOff takes bytes off a session's account. Only this worker writes it.
func takeOff(account *atomic.Uint64, n int) {
	if n > 0 {
		account.Store(account.Load() - min(account.Load(), uint64(n)))
	}
}
