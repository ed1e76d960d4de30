//go:build linux && !portable

// A timer has ended a session. Nothing more is read, but what the session holds is
// delivered, in both directions, before both ends are passed on: the session delivers,
// within --linger, and resets both sides only if it has not delivered everything by then.
// Bytes that arrive meanwhile are dropped, because a peer that writes before it reads
// would never get to read.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// strike ends a session because a timer of it is due, unless it has moved bytes.
func (e *engine) strike(s *session, t timer) {
	if t != lifetimeTimer && e.hasMore(s) {
		return
	}
	s.who, s.timer = board.ByTimer, timerTable[t].ends
	switch {
	case e.resets(t):
		e.abort(s, board.Cut)
	case s.state == connecting || s.state == negotiating:
		e.end(s, board.Cut)
	default:
		l := e.leaves(s)
		l.failed, l.survivor, l.since, l.stage = nil, nil, e.clock.mono, e.noteFailed(s.row, 0)
		s.state = delivering
		s.client.readable, s.target.readable = true, true
		e.arm(s)
		e.stepFarewell(s)
	}
}

// hasMore reports whether bytes, an end or an error have arrived that no event has reported
// yet, and relays them. A side whose bytes the other side does not take is not asked.
func (e *engine) hasMore(s *session) (more bool) {
	for _, d := range [...]*side{&s.client, &s.target} {
		if d.eof || d.stuck() {
			continue
		}
		if _, errno := kernel.Peek(d.fd, e.buffer[:1]); errno != syscall.EAGAIN {
			d.fails(errno) // the call has taken it
			d.readable, more = true, true
		}
	}
	if more {
		e.stepRelay(s)
	}
	return more
}

// farewell reports whether a timer has ended the session, and it delivers what it holds.
func (s *session) farewell() bool { return s.state == delivering && s.leaving.failed == nil }

// stepFarewell delivers what the session holds. The session ends when both sides have
// everything, or have failed.
func (e *engine) stepFarewell(s *session) {
	c, t := &s.client, &s.target
	waits, failed := false, false
	for _, to := range [...]*side{c, t} {
		from := t
		if to == t {
			from = c
		}
		if to.failed && e.erred(to) || to.errno != 0 || !e.drop(to) {
			failed = true
			continue
		}
		if e.hands(s, from, to) {
			e.later(s)
			waits = true
			continue
		}
		failed = failed || to.errno != 0
		waits = waits || to.errno == 0 && (from.stuck() || unacknowledged(to) > 0)
		if to.readable {
			e.later(s)
		}
	}
	switch {
	case waits:
		e.visitLater(s)
	case failed:
		e.abort(s, board.Cut)
	default:
		e.end(s, board.Cut)
	}
}

// hands writes what is held of one direction, and then passes its end on. more is true
// when there is more to do than the relay budget allows.
func (e *engine) hands(s *session, from, to *side) (more bool) {
	readable := from.readable
	from.readable = false // pump must not read
	more, _ = e.pump(s, from, to)
	from.readable = readable
	if !from.stuck() && !to.shut && to.errno == 0 {
		kernel.ShutWrite(to.fd)
		to.shut = true
	}
	return more
}

// noteBacklog counts what the receivers of a session have not acknowledged. If that is
// less than at the last check, and nothing was sent since then, the session has moved
// bytes.
func (e *engine) noteBacklog(s *session) {
	if s.state != relaying && s.state != halfClosed || e.lasts(idleTimer) == 0 && e.lasts(halfClosedTimer) == 0 {
		return
	}
	now := backlog{unacknowledged(&s.client), unacknowledged(&s.target), e.clock.mono}
	before := e.backlogs[s]
	switch {
	case now.empty():
		delete(e.backlogs, s)
	case before == nil:
		if e.backlogs == nil {
			e.backlogs = make(map[*session]*backlog)
		}
		e.backlogs[s] = &now
	case before.note(now, movedAt(s.row)):
		e.moved(s)
	}
}
