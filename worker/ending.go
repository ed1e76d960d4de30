//go:build linux && !portable

package worker

import (
	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// How a session ends: end in order, abort with a reset. A side that has failed
// comes here by way of delivering.go. Every end is a burial, so that nothing of a
// session is left behind and every session leaves its records.

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
	e.due.remove(s)
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
	e.asideDue = 0
	e.tellSoon()
	e.join()
}
