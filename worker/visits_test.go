//go:build linux && !portable

// When a session that is being delivered is visited.

package worker

import (
	"slices"
	"testing"
	"time"

	"daemon/plug/worker/board"
)

// A session that is being delivered is visited after 1 ms, 2 ms later and so on, in the
// end every 50 ms, until its time is over, whatever other sessions do meanwhile.
func TestVisits(t *testing.T) {
	e := rig(t)
	s, _, _ := pair(t, e)
	e.board.Assignment.CloseTimeout = 200
	s.target.writable = false
	e.relay.keep(&s.client, []byte("bytes that are not taken"))
	began := e.clock.mono
	var at []int64
	e.fail(s, &s.client)
	e.visitLater(s) // a second call adds nothing
	for s.state != ended {
		e.clock.mono = e.next()
		at = append(at, (e.clock.mono-began)/int64(time.Millisecond))
		e.overdue()
	}
	if want := []int64{1, 3, 7, 15, 31, 63, 113, 163, 200}; !slices.Equal(at, want) {
		t.Fatalf("visits, and the end, after %v ms, want %v", at, want)
	}
	if n := e.outcomes(board.Cut); n != 1 {
		t.Errorf("%d cut", n)
	}
}

// A session that has ended is not visited, and neither is the next session of its row in
// its stead.
func TestVisitOfAnEndedSession(t *testing.T) {
	e := rig(t)
	s, _, _ := pair(t, e)
	s.client.failed = true
	e.leaves(s)
	e.visitLater(s)
	e.abort(s, board.Cut)
	next, _, _ := pair(t, e)
	if next != s || s.listed != noTimer || *s.leaving != (leaving{}) {
		t.Fatalf("the row's next session: %v, %+v", next == s, s.leaving)
	}
	e.clock.mono = e.agenda[visitDuty]
	e.visitAll()
	if s.state != relaying || e.agenda[visitDuty] != 0 {
		t.Errorf("state %d, due %d", s.state, e.agenda[visitDuty])
	}
}
