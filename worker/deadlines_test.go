//go:build linux && !portable

package worker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// listed is the list from both ends; they have to agree.
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

func TestDeadlines(t *testing.T) {
	var l deadlines
	a, b, c := new(session), new(session), new(session)
	if l.next() != never {
		t.Error("an empty list has a deadline")
	}
	l.add(a, 10)
	l.add(b, 20)
	l.add(c, 30)
	if l.next() != 10 || !slices.Equal(listed(t, &l), []*session{a, b, c}) {
		t.Errorf("next %d", l.next())
	}
	l.remove(b)
	l.remove(b) // of one that is not there: nothing
	if !slices.Equal(listed(t, &l), []*session{a, c}) {
		t.Error("without the middle one")
	}
	l.add(a, 40) // again: from connecting to the next target, or to negotiating
	if l.next() != 30 || !slices.Equal(listed(t, &l), []*session{c, a}) {
		t.Errorf("the first one put last: next %d", l.next())
	}
	l.remove(a)
	l.remove(c)
	if l.next() != never || l.last != nil || a.linked || c.linked {
		t.Error("an emptied list is not empty")
	}
}

// Any order of adds and removes leaves the list as a plain slice would be.
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
			l.add(s, now)
			model = append(model, s)
		} else {
			l.remove(s)
		}
		if !slices.Equal(listed(t, &l), model) {
			t.Fatalf("step %d: the list has %d, the slice %d", now, len(listed(t, &l)), len(model))
		}
		want := never
		if len(model) > 0 {
			want = model[0].deadline
		}
		if l.next() != want {
			t.Fatalf("step %d: next %d, want %d", now, l.next(), want)
		}
	}
}
