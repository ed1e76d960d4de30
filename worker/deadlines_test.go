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

// put adds a session that is due at a time, wherever it was before.
func put(l *deadlines, s *session, at int64) {
	l.remove(s)
	s.due[s.listed] = at
	l.add(s)
}

// next is when the list's first session is due.
func (l *deadlines) next() int64 {
	if l.first == nil {
		return kernel.Never
	}
	return l.first.deadline()
}

func TestDeadlines(t *testing.T) {
	var l deadlines
	a, b, c := new(session), new(session), new(session)
	if l.next() != kernel.Never {
		t.Error("an empty list has a deadline")
	}
	put(&l, a, 10)
	put(&l, b, 20)
	put(&l, c, 30)
	if l.next() != 10 || !slices.Equal(listed(t, &l), []*session{a, b, c}) {
		t.Errorf("next %d", l.next())
	}
	l.remove(b)
	l.remove(b) // not in the list: no effect
	if !slices.Equal(listed(t, &l), []*session{a, c}) {
		t.Error("without the middle one")
	}
	put(&l, a, 40) // again: from connecting to the next target, or to negotiating
	if l.next() != 30 || !slices.Equal(listed(t, &l), []*session{c, a}) {
		t.Errorf("the first one put last: next %d", l.next())
	}
	l.remove(a)
	l.remove(c)
	if l.next() != kernel.Never || l.last != nil || a.linked || c.linked {
		t.Error("an emptied list is not empty")
	}
}

// After any sequence of adds and removes, the list is the same as a plain slice.
func TestDeadlinesAgreeWithASlice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	sessions := make([]*session, 20)
	for i := range sessions {
		sessions[i] = new(session)
	}
	var l deadlines
	var model []*session
	for now := range int64(5000) {
		s := sessions[random.IntN(len(sessions))]
		model = slices.DeleteFunc(model, func(other *session) bool { return other == s })
		if random.IntN(2) == 0 {
			put(&l, s, now)
			model = append(model, s)
		} else {
			l.remove(s)
		}
		if !slices.Equal(listed(t, &l), model) {
			t.Fatalf("step %d: the list has %d, the slice %d", now, len(listed(t, &l)), len(model))
		}
		want := kernel.Never
		if len(model) > 0 {
			want = model[0].deadline()
		}
		if l.next() != want {
			t.Fatalf("step %d: next %d, want %d", now, l.next(), want)
		}
	}
}

// A session is in the list of its nearest timer, and each list is in order, whichever
// timers start and stop.
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
		if random.IntN(2) == 0 {
			e.start(s, kind)
		} else {
			e.stop(s, kind)
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
