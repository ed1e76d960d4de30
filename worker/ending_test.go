//go:build linux && !portable

// Who ended a session, as derived from what its engine knows.

package worker

import (
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// Who ended a session, derived from how it ended and from what is known of its sides.
func TestCauser(t *testing.T) {
	reset, silent := side{errno: unix.ECONNRESET}, side{errno: unix.ETIMEDOUT}
	refused := failure{errno: unix.ECONNREFUSED, peer: true}
	for _, c := range []struct {
		name    string
		session session
		outcome board.Outcome
		want    board.Culprit
	}{
		{"client first", session{first: board.ByClient}, board.Complete, board.ByClient},
		{"target first", session{first: board.ByTarget}, board.Complete, board.ByTarget},
		{"client reset", session{client: reset}, board.Cut, board.ByClient},
		{"target reset", session{target: reset}, board.Cut, board.ByTarget},
		{"target reset after the client's end", session{first: board.ByClient, target: reset}, board.Cut, board.ByTarget},
		{"client silent", session{client: silent}, board.Cut, board.ClientLate},
		{"target silent", session{target: silent}, board.Cut, board.TargetLate},
		{"a target has failed before the client's reset", session{client: reset, failure: refused}, board.Cut, board.ByClient},
		{"target refused", session{failure: refused}, board.Unreached, board.ByTarget},
		{"no descriptor", session{failure: failure{what: "socket", errno: unix.EMFILE}}, board.Denied, board.ByLimit},
		{"proxy refused", session{who: board.ByProxy}, board.Denied, board.ByProxy},
		{"proxy silent", session{who: board.ProxyLate}, board.Denied, board.ProxyLate},
		{"target reset before it was looked at", session{who: board.ByTarget}, board.Cut, board.ByTarget},
		{"an admin's word", session{first: board.ByClient}, board.AdminEnded, board.ByAdmin},
		{"an orphan's TERM", session{who: board.BySignal}, board.AdminEnded, board.BySignal},
	} {
		e := &engine{worker: &worker{board: &board.Board{Assignment: new(board.Assignment)}}}
		if got := e.endedBy(&c.session, c.outcome); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Where the other direction had ended before, a side's end is not passed on, so no end
// counts in the queue.
func TestEndNotPassed(t *testing.T) {
	s := new(session)
	s.target.done = true
	if new(engine).passEnd(s, &s.client, &s.target); !s.client.done || s.target.shut {
		t.Errorf("the client's end, after the target's: done %v; shut %v, without a FIN", s.client.done, s.target.shut)
	}
}
