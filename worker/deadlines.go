//go:build linux && !portable

package worker

// deadlines is a list of sessions, the next one due first. All wait equally
// long, so each new one is the last.
type deadlines struct{ first, last *session }

func (l *deadlines) next() int64 {
	if l.first == nil {
		return never
	}
	return l.first.deadline
}

func (l *deadlines) add(s *session, at int64) {
	if s.linked {
		l.remove(s)
	}
	s.deadline, s.linked, s.prev, s.next = at, true, l.last, nil
	if l.last == nil {
		l.first = s
	} else {
		l.last.next = s
	}
	l.last = s
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
