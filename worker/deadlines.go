//go:build linux && !portable

// The timers of the event loop's sessions. A session is in one list at most: that of its
// nearest timer, by the time at which that timer could be due. Traffic does not touch the
// lists: when a session's time has come, its timers are computed again, and if it has
// moved bytes meanwhile, it goes to its new place.

package worker

import (
	"daemon/plug/worker/kernel"
)

// arm puts a session into the list of its nearest timer. It is called whenever a timer
// may have started.
func (e *engine) arm(s *session) {
	e.timers.remove(s)
	if t, due := e.nearest(s); due != kernel.Never {
		e.timers.add(s, t, due, e.clock.mono, e.lasts(t))
	}
}

// nearest is the session's timer that is due first, and when: kernel.Never without one.
func (e *engine) nearest(s *session) (nearest timer, at int64) {
	at = kernel.Never
	for t := range timer(timers) {
		if e.lasts(t) == 0 {
			continue
		}
		if since := e.since(s, t); since != 0 {
			if due := e.dueOf(s, t, since); due < at {
				nearest, at = t, due
			}
		}
	}
	return nearest, at
}

// dueOf is when a session's timer is due that runs since a moment.
func (e *engine) dueOf(s *session, t timer, since int64) int64 {
	due := e.dueAfter(s.row, t, since)
	if len(e.backlogs) > 0 && (t == idleTimer || t == halfClosedTimer) {
		if b := e.backlogs[s]; b != nil {
			due = max(due, b.at+e.lasts(t)/backlogWatch)
		}
	}
	return due
}

// since is when a session's timer started, in monotonic ns; 0 if it does not run.
func (e *engine) since(s *session, t timer) int64 {
	relays := s.state == relaying || s.state == halfClosed
	switch {
	case t == connectTimer && s.state == connecting, t == negotiateTimer && s.state == negotiating:
		return s.began
	case t == closeTimer && s.leaving != nil && !s.farewell():
		return s.leaving.since
	case t == lingerTimer && s.farewell():
		return s.leaving.since
	case t == lifetimeTimer && s.state != delivering:
		return s.row.BeginAt
	case t == firstByteTimer && relays && e.awaitsFirst(s.row):
		return s.began
	case t == idleTimer && relays:
		return max(s.began, movedAt(s.row))
	case t == halfClosedTimer && relays && s.halved != 0:
		return max(s.halved, movedAt(s.row))
	}
	return 0
}

// followDurations applies the assignment's durations to all sessions, if they have
// changed.
func (e *engine) followDurations() {
	d := e.durations()
	if d == e.timers.durations {
		return
	}
	e.timers.durations = d
	for _, s := range e.table {
		if s != nil {
			e.timers.remove(s)
		}
	}
	e.timers.wheels = [timers]*wheel{}
	for _, s := range e.table {
		if s != nil && s.ongoing() {
			e.arm(s)
		}
	}
}

// expireAll checks the sessions whose time has come.
func (e *engine) expireAll() {
	for t := range e.timers.exact {
		for l := &e.timers.exact[t]; l.first != nil && l.first.at <= e.clock.mono; {
			e.checkTimers(l.first)
		}
	}
	for _, w := range e.timers.wheels {
		if w != nil && w.next <= e.clock.mono {
			w.turn(e.clock.mono, e.checkTimers)
		}
	}
}

// checkTimers ends a session's nearest timer if it is due, and otherwise gives the
// session its new place.
func (e *engine) checkTimers(s *session) {
	e.timers.remove(s)
	e.noteBacklog(s)
	if t, due := e.nearest(s); due <= e.clock.mono {
		e.expire(s, t)
	}
	if s.ongoing() && s.listed == noTimer {
		e.arm(s)
	}
}

// timerLists are the lists of all kinds of timers.
type timerLists struct {
	exact  [firstCoarse]deadlines
	wheels [timers]*wheel // nil for a kind that is not used

	durations durations // by which the sessions are listed
}

// next is when the first session must be checked.
func (l *timerLists) next() int64 {
	at := kernel.Never
	for t := range l.exact {
		if s := l.exact[t].first; s != nil {
			at = min(at, s.at)
		}
	}
	for _, w := range l.wheels[firstCoarse:] {
		if w != nil {
			at = min(at, w.next)
		}
	}
	return at
}

// add lists a session, which is in no list, by a timer of it. lasts is how long timers of
// this kind last.
func (l *timerLists) add(s *session, t timer, due, now, lasts int64) {
	s.listed = t
	if t < firstCoarse {
		s.at = due
		l.exact[t].add(s)
		return
	}
	if l.wheels[t] == nil {
		l.wheels[t] = &wheel{width: max(1, lasts/late), next: kernel.Never}
	}
	l.wheels[t].add(s, due, now)
}

func (l *timerLists) remove(s *session) {
	switch {
	case s.listed == noTimer:
		return
	case s.listed < firstCoarse:
		l.exact[s.listed].remove(s)
	default:
		l.wheels[s.listed].list(s.at).remove(s)
	}
	s.listed = noTimer
}

const (
	late  = 16       // a coarse timer is late by this part of its time at most
	slots = 2 * late // lists of a wheel
)

// wheel has the sessions of one kind of timer in lists by the time at which they must be
// checked; within a list, these times never fall. A session whose time is further away
// than the wheel reaches is checked on the way.
type wheel struct {
	width int64 // ns for which a list stands
	next  int64 // no list is due before
	lists [slots]deadlines
}

// list is the list of a time.
func (w *wheel) list(at int64) *deadlines { return &w.lists[at/w.width%slots] }

// add lists a session.
func (w *wheel) add(s *session, due, now int64) {
	due = min(max(due, now), now+(slots-1)*w.width-1)
	s.at = (due + w.width - 1) / w.width * w.width
	w.list(s.at).append(s)
	w.next = min(w.next, s.at)
}

// turn checks the sessions whose time has come. Checking a session removes it, and may
// list it again for later.
func (w *wheel) turn(now int64, check func(*session)) {
	for i := range w.lists {
		for l := &w.lists[i]; l.first != nil && l.first.at <= now; {
			check(l.first)
		}
	}
	w.next = kernel.Never
	for i := range w.lists {
		if s := w.lists[i].first; s != nil {
			w.next = min(w.next, s.at)
		}
	}
}

// deadlines is a list of sessions.
type deadlines struct{ first, last *session }

// add lists a session in the order of their times. Exact timers of one kind all last
// equally long, so a new session is nearly always the last one, except if another timer
// of it was nearer until now.
func (l *deadlines) add(s *session) {
	after := l.last
	for after != nil && after.at > s.at {
		after = after.prev
	}
	l.insert(s, after)
}

// append lists a session as the last one.
func (l *deadlines) append(s *session) { l.insert(s, l.last) }

func (l *deadlines) insert(s, after *session) {
	s.prev = after
	if after == nil {
		s.next, l.first = l.first, s
	} else {
		s.next, after.next = after.next, s
	}
	if s.next == nil {
		l.last = s
	} else {
		s.next.prev = s
	}
}

func (l *deadlines) remove(s *session) {
	if s.prev == nil {
		l.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		l.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
}
