//go:build linux && !portable

// The timers of the event loop's sessions. There is a list for each kind of timer. A
// session is in one list at most: that of its nearest timer.

package worker

import "daemon/plug/worker/kernel"

// start starts or restarts a session's timer.
func (e *engine) start(s *session, t timer) {
	s.due[t] = e.clock.mono + e.lasts(t)
	e.timers.move(s)
}

// stop stops a session's timer if it is running.
func (e *engine) stop(s *session, t timer) {
	if s.due[t] != 0 {
		s.due[t] = 0
		e.timers.move(s)
	}
}

// expireAll ends the timers that are due.
func (e *engine) expireAll() {
	for t := range e.timers {
		l := &e.timers[t]
		for s := l.first; s != nil && s.deadline() <= e.clock.mono; s = l.first {
			e.stop(s, timer(t))
			e.expire(s, timer(t))
		}
	}
}

// timerLists are the lists of all kinds.
type timerLists [timers]deadlines

// next is when the earliest of all timers is due.
func (l *timerLists) next() int64 {
	at := kernel.Never
	for t := range l {
		if s := l[t].first; s != nil {
			at = min(at, s.deadline())
		}
	}
	return at
}

// move puts a session into the list of its nearest timer.
func (l *timerLists) move(s *session) {
	l.remove(s)
	if t, at := s.due.nearest(); at != kernel.Never {
		s.listed = t
		l[t].add(s)
	}
}

func (l *timerLists) remove(s *session) { l[s.listed].remove(s) }

// deadline is when a listed session's nearest timer is due.
func (s *session) deadline() int64 { return s.due[s.listed] }

// deadlines is a list of sessions, ordered by when they are due. Timers of one kind all
// run equally long, so a new session is nearly always the last one, except if another
// timer of it was nearer until now.
type deadlines struct{ first, last *session }

func (l *deadlines) add(s *session) {
	after := l.last
	for after != nil && after.deadline() > s.deadline() {
		after = after.prev
	}
	s.linked, s.prev = true, after
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
	if !s.linked {
		return
	}
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
	s.linked, s.prev, s.next = false, nil, nil
}
