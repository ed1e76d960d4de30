//go:build linux && !portable

// One side has failed: it has reset, or can no longer be written to. The other side
// must have what the failed one sent before it learns of that, and a reset throws
// away what the kernel has yet to send. So the session delivers: it reads the failed
// side to its end, writes that to the survivor, waits until the survivor's kernel has
// acknowledged it, and only then resets the survivor.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// leaving is what a session needs from the failure of a side on.
type leaving struct {
	failed   *side
	survivor *side
	stage    board.Stage // at which the side failed; its reset is put down to that
	delay    int         // in visitDelays: before the next visit
	expected bool        // a visit is queued
}

// leaves marks the session as one that ends within --close-timeout, counted from
// the first failure.
func (e *engine) leaves(s *session) *leaving {
	if s.leaving == nil {
		s.leaving = new(leaving)
	}
	if s.due[closeTimer] == 0 {
		e.start(s, closeTimer)
	}
	return s.leaving
}

// fail passes the failure of one side on, after its last bytes.
func (e *engine) fail(s *session, failed *side) {
	survivor, who := &s.target, board.ByClient
	if failed == survivor {
		survivor, who = &s.client, board.ByTarget
	}
	if s.who == board.Nobody {
		s.who = timedOut(who, failed.errno)
	}
	l := e.leaves(s)
	l.failed, l.survivor, l.stage = failed, survivor, e.noteFailed(s.row, failed.errno)
	s.state = delivering
	failed.readable, failed.hangup = true, true // to its end: no event may have told of that, or of a mark
	e.stepDelivering(s)
}

// stepDelivering moves the failed side's last bytes on.
func (e *engine) stepDelivering(s *session) {
	failed, survivor := s.leaving.failed, s.leaving.survivor
	if survivor.failed && e.erred(survivor) || !e.drop(survivor) {
		e.abort(s, board.Cut)
		return
	}
	more, broken := e.pump(s, failed, survivor)
	if broken == survivor || !more && !failed.stuck() && unacknowledged(failed, survivor) == 0 {
		e.abort(s, board.Cut)
		return
	}
	e.visitLater(s)
	if more || survivor.readable {
		e.later(s)
	}
}

// drop reads what the survivor still sends, which can no longer be received: a peer that
// writes before it reads would never come to read the last bytes. It is false when
// the survivor has failed, too.
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

// forsaken deals with a client that has failed before its target was connected. It
// ends the session and is true unless the client has left bytes: then the target is
// connected for them. A mere end of the client is a half-close.
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
