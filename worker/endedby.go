//go:build linux && !portable

package worker

import "daemon/plug/worker/board"

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
