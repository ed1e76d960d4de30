//go:build linux && !portable

// Sessions are listed by their nearest timers.

package worker

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

// Sessions are listed in the order in which their timers are due.
func TestDeadlines(t *testing.T) {
	e := rig(t)
	e.board.Assignment.ConnectTimeout = 50
	lasts, l := e.lasts(connectTimer), &e.timers[connectTimer]
	start := func(s *session, at int64) {
		e.clock.mono = at
		e.start(s, connectTimer)
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
	e.stop(b, connectTimer)
	e.timers.remove(b) // not in the list: no effect
	if !slices.Equal(listed(t, l), []*session{a, c}) {
		t.Error("without the middle one")
	}
	start(a, 40) // again: from connecting to the next target, or to negotiating
	if e.timers.next() != 30+lasts || !slices.Equal(listed(t, l), []*session{c, a}) {
		t.Errorf("the first one put last: next %d", e.timers.next())
	}
	e.stop(a, connectTimer)
	e.stop(c, connectTimer)
	if e.timers.next() != kernel.Never || l.first != nil || l.last != nil || a.linked || c.linked {
		t.Error("an emptied list is not empty")
	}
}

// A session is in the list of its nearest timer, and each list is in order, whichever
// timers start and stop, and whichever sessions end.
func TestNearestTimer(t *testing.T) {
	e := rig(t)
	e.board.Assignment.ConnectTimeout, e.board.Assignment.CloseTimeout = 50, 70
	random := rand.New(rand.NewPCG(2, 2))
	sessions := make([]*session, 20)
	for i := range sessions {
		sessions[i] = new(session)
	}
	for step := range 5000 {
		e.clock.mono += int64(random.IntN(int(5 * time.Millisecond)))
		s, kind := sessions[random.IntN(len(sessions))], timer(random.IntN(timers))
		switch random.IntN(8) {
		case 0: // it ends, and its row has a new session
			e.timers.remove(s)
			s.due = running{}
		case 1, 2, 3:
			e.stop(s, kind)
		default:
			e.start(s, kind)
		}
		first, total := kernel.Never, 0
		for _, s := range sessions {
			kind, at := s.due.nearest()
			first = min(first, at)
			if at == kernel.Never {
				continue
			}
			total++
			if !s.linked || s.listed != kind || s.deadline() != at {
				t.Fatalf("step %d: linked %v in list %d, expected in list %d", step, s.linked, s.listed, kind)
			}
		}
		n := 0
		for kind := range e.timers {
			list := listed(t, &e.timers[kind])
			n += len(list)
			if !slices.IsSortedFunc(list, func(a, b *session) int { return cmp.Compare(a.deadline(), b.deadline()) }) {
				t.Fatalf("step %d: list %d is out of order", step, kind)
			}
		}
		if n != total || e.timers.next() != first {
			t.Fatalf("step %d: %d listed, the first due at %d; expected %d and %d", step, n, e.timers.next(), total, first)
		}
	}
}
