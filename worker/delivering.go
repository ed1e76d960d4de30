//go:build linux && !portable

// One side has failed: it has reset, or can no longer be written to. The other side must
// have what the failed one sent before it learns of the failure, and a reset discards
// what the kernel has not sent yet. So the session delivers: it reads the failed side to
// its end, writes that to the surviving side, waits until the surviving side's kernel has
// acknowledged it, and only then resets the surviving side.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// leaving is what a session needs after one of its sides has failed.
type leaving struct {
	failed   *side // nil if a timer has ended the session: see farewell.go
	survivor *side
	stage    board.Stage // at which the side failed; also the stage of the session's end
	delay    int         // index in visitDelays: before the next visit
	expected bool        // a visit is queued
	since    int64       // when the first side failed, or the timer ended the session; 0 before
}

// leaves marks the session as one that must end within --close-timeout, counted from the
// first failure.
func (e *engine) leaves(s *session) *leaving {
	if s.leaving == nil {
		s.leaving = new(leaving)
	}
	if s.leaving.since == 0 {
		s.leaving.since = e.clock.mono
		e.arm(s)
	}
	return s.leaving
}

// fail passes the failure of one side on, after its last bytes.
func (e *engine) fail(s *session, failed *side) {
	survivor, who := &s.target, board.ByClient
	if failed == survivor {
		survivor, who = &s.client, board.ByTarget
	}
	s.who = failing(who, failed.errno)
	l := e.leaves(s)
	l.failed, l.survivor, l.stage = failed, survivor, e.noteFailed(s.row, failed.errno)
	s.state = delivering
	e.arm(s)
	failed.readable, failed.hangup = true, true // read to the end: perhaps no event has reported it, or a mark
	e.stepDelivering(s)
}

// stepDelivering relays the failed side's last bytes.
func (e *engine) stepDelivering(s *session) {
	failed, survivor := s.leaving.failed, s.leaving.survivor
	if failed == nil {
		e.stepFarewell(s)
		return
	}
	if survivor.failed && e.erred(survivor) || !e.drop(survivor) {
		e.abort(s, board.Cut)
		return
	}
	more, broken := e.pump(s, failed, survivor)
	if broken == survivor || !more && !failed.stuck() && unacknowledged(survivor) == 0 {
		e.abort(s, board.Cut)
		return
	}
	e.visitLater(s)
	if more || survivor.readable {
		e.later(s)
	}
}

// drop reads what the surviving side still sends, which nobody can receive any more: a
// peer that writes before it reads would never get to read the last bytes. It returns
// false when the surviving side has failed, too.
func (e *engine) drop(d *side) bool {
	for i := 0; d.readable && i < relayBudget; i++ {
		n, errno := kernel.Receive(d.fd, e.buffer)
		switch {
		case errno == syscall.EAGAIN || errno == 0 && n == 0:
			d.readable, d.urgent = false, false
		case errno != 0:
			d.fails(errno)
			return false
		case n < len(e.buffer):
			d.readable = d.mayHaveMore()
		}
	}
	return true
}

// forsaken handles a client that has failed before its target was connected. It ends the
// session and returns true, unless the client has left bytes: then the target is
// connected for them. If a client has only ended its direction, that is a half-close.
func (e *engine) forsaken(s *session) bool {
	c := &s.client
	n, errno := kernel.Peek(c.fd, e.buffer[:1])
	if errno == 0 && n > 0 {
		e.leaves(s)
		return false
	}
	if errno != syscall.EAGAIN {
		c.fails(errno)
	}
	if !e.erred(c) {
		return false
	}
	e.desert(s)
	return true
}
