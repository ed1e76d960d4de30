//go:build linux && !portable

package worker

import (
	"testing"
	"time"

	"daemon/plug/worker/board"
)

// A session is visited after 1 ms, after 2 more and so on, later every 50 ms, until
// its time is over; whatever others do meanwhile.
func TestVisits(t *testing.T) {
	e := rig(t)
	var at []int64
	s, _, _ := pair(t, e)
	s.state = connecting // it is only visited again
	s.client.failed, s.client.errno = true, 104
	e.board.Assignment.CloseTimeout = 200
	began := e.clock.mono
	e.leaves(s)
	e.visitLater(s)
	e.visitLater(s) // once queued is enough
	for s.state != ended {
		at = append(at, (e.visits.due-began)/int64(time.Millisecond))
		if e.next() != e.visits.due {
			t.Fatal("the engine would sleep on")
		}
		e.clock.mono = e.visits.due
		e.visitAll()
	}
	want := []int64{1, 3, 7, 15, 31, 63, 113, 163, 213}
	if len(at) != len(want) {
		t.Fatalf("visits after %v ms, want %v", at, want)
	}
	for i := range want {
		if at[i] != want[i] {
			t.Fatalf("visits after %v ms, want %v", at, want)
		}
	}
	if e.visits.due != 0 || e.outcomes(board.Cut) != 1 {
		t.Errorf("due %d, %d cut", e.visits.due, e.outcomes(board.Cut))
	}
}

// A session that has ended is not visited, and neither is its row's next one in its
// place.
func TestVisitOfAnEndedSession(t *testing.T) {
	e := rig(t)
	s, _, _ := pair(t, e)
	s.client.failed = true
	e.leaves(s)
	e.visitLater(s)
	e.abort(s, board.Cut)
	next, _, _ := pair(t, e)
	if next != s || s.leaving.by != 0 || s.leaving.expected {
		t.Fatalf("the row's next session: %v, %+v", next == s, s.leaving)
	}
	e.clock.mono = e.visits.due
	e.visitAll()
	if s.state != relaying || e.visits.due != 0 {
		t.Errorf("state %d, due %d", s.state, e.visits.due)
	}
}
