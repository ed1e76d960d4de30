//go:build linux && !portable

// Sessions are listed by their nearest timers.

package worker

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// listed returns the list, read from both ends, which must agree.
func listed(t *testing.T, l *deadlines) (out []*session) {
	t.Helper()
	for s := l.first; s != nil; s = s.next {
		out = append(out, s)
	}
	var back []*session
	for s := l.last; s != nil; s = s.prev {
		back = append(back, s)
	}
	slices.Reverse(back)
	if !slices.Equal(out, back) {
		t.Fatalf("forwards %d sessions, backwards %d", len(out), len(back))
	}
	return out
}

// connects starts a session's connect now.
func (e *engine) connects(s *session) {
	s.state, s.began = connecting, e.clock.mono
	e.arm(s)
}

// stops stops a session's connect.
func (e *engine) stops(s *session) {
	s.began = 0
	e.arm(s)
}

// Sessions are listed in the order in which their timers are due.
func TestDeadlines(t *testing.T) {
	e := rig(t)
	e.board.Assignment.ConnectTimeout = 50
	lasts, l := e.lasts(connectTimer), &e.timers.exact[connectTimer]
	start := func(s *session, at int64) {
		e.clock.mono = at
		e.connects(s)
	}
	a, b, c := new(session), new(session), new(session)
	if e.timers.next() != kernel.Never {
		t.Error("an empty list has a deadline")
	}
	start(a, 10)
	start(b, 20)
	start(c, 30)
	if e.timers.next() != 10+lasts || !slices.Equal(listed(t, l), []*session{a, b, c}) {
		t.Errorf("next %d", e.timers.next())
	}
	e.stops(b)
	e.timers.remove(b) // not in the list: no effect
	if !slices.Equal(listed(t, l), []*session{a, c}) {
		t.Error("without the middle one")
	}
	start(a, 40) // again: from connecting to the next target, or to negotiating
	if e.timers.next() != 30+lasts || !slices.Equal(listed(t, l), []*session{c, a}) {
		t.Errorf("the first one put last: next %d", e.timers.next())
	}
	e.stops(a)
	e.stops(c)
	if e.timers.next() != kernel.Never || l.first != nil || l.last != nil || a.listed != noTimer || c.listed != noTimer {
		t.Error("an emptied list is not empty")
	}
}

// A session is in the list of its nearest timer, no later than that timer may be, and
// exact lists are in order, whichever timers start and stop, and whichever sessions end.
func TestNearestTimer(t *testing.T) {
	e := rig(t)
	a := e.board.Assignment
	a.ConnectTimeout, a.NegotiateTimeout, a.CloseTimeout, a.Linger = 50, 40, 70, 60
	a.IdleTimeout, a.HalfClosedTimeout, a.FirstByteTimeout, a.Lifetime, a.LifetimeJitter = 80, 48, 64, 4000, 50
	random := rand.New(rand.NewPCG(2, 2))
	rows := make([]board.Row, 20)
	sessions := make([]*session, len(rows))
	for i := range sessions {
		sessions[i] = &session{row: &rows[i], leaving: new(leaving)}
	}
	e.clock.mono = int64(time.Hour)
	for step := range 5000 {
		e.clock.mono += int64(random.IntN(int(3 * time.Millisecond)))
		changeAtRandom(e, sessions[random.IntN(len(sessions))], random)
		first, total := kernel.Never, 0
		for _, s := range sessions {
			kind, at := e.nearest(s)
			if s.state == ended {
				continue
			}
			total++
			late := e.lasts(kind) / late
			if kind < firstCoarse {
				late = 0
			}
			if s.listed == noTimer || s.at > max(at, e.clock.mono)+late {
				t.Fatalf("step %d: linked %v, to be checked %v after it is due", step, s.listed != noTimer, time.Duration(s.at-at))
			}
			first = min(first, s.at)
		}
		n := 0
		for kind := range e.timers.exact {
			list := listed(t, &e.timers.exact[kind])
			n += len(list)
			if !slices.IsSortedFunc(list, func(a, b *session) int { return cmp.Compare(a.at, b.at) }) {
				t.Fatalf("step %d: list %d is out of order", step, kind)
			}
		}
		for _, w := range e.timers.wheels {
			for i := range slots {
				if w != nil {
					n += len(listed(t, &w.lists[i]))
				}
			}
		}
		if n != total || e.timers.next() > first {
			t.Fatalf("step %d: %d listed, the first due at %d; expected %d and %d", step, n, e.timers.next(), total, first)
		}
	}
}

// changeAtRandom lets a session take a step, and checks the timers that are due; those
// that are end the session.
func changeAtRandom(e *engine, s *session, random *rand.Rand) {
	switch next := state(random.IntN(8)); next {
	case connecting, negotiating, relaying:
		if s.state == ended { // a new one
			*s.leaving, s.halved = leaving{}, 0
			s.row.BeginAt = e.clock.mono
			s.row.In.Store(0)
		}
		s.state, s.began = next, e.clock.mono
		s.row.Moved.Store(e.clock.ms())
		e.arm(s)
	case halfClosed:
		if s.state == relaying {
			s.state, s.halved = halfClosed, e.clock.mono
			e.arm(s)
		}
	case delivering:
		if s.state == relaying {
			s.leaving.since = e.clock.mono
			s.state = delivering
			e.arm(s)
		}
	case ended:
		e.timers.remove(s)
		s.state = ended
	default: // traffic, which does not touch the lists
		if s.state == relaying || s.state == halfClosed {
			s.row.Moved.Store(e.clock.ms())
			s.row.In.Store(1)
		}
	}
	check := func(s *session) {
		e.timers.remove(s)
		if _, due := e.nearest(s); due <= e.clock.mono {
			s.state = ended
			return
		}
		e.arm(s)
	}
	for i := range e.timers.exact {
		for l := &e.timers.exact[i]; l.first != nil && l.first.at <= e.clock.mono; {
			check(l.first)
		}
	}
	for _, w := range e.timers.wheels {
		if w != nil {
			w.turn(e.clock.mono, check)
		}
	}
}
