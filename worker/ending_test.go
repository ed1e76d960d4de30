//go:build linux && !portable

// Who ended a session, and which of its ends were passed on.

package worker

import (
	"net/netip"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
)

// However a session ends, its row says who ended it.
func TestWhoEnded(t *testing.T) {
	for _, c := range whoEnded {
		e := rig(t)
		s, _, _ := pair(t, e)
		c.end(e, s)
		who := board.Cause(s.row.Cause.Load()).Culprit()
		if s.state != ended || e.outcomes(c.outcome) != 1 || who != c.want {
			t.Errorf("%s: state %d, outcomes %v, ended by %s; expected %s by %s", c.name, s.state, &e.column.Ended, who, c.outcome, c.want)
		}
	}
}

// whoEnded are the ways in which a session can end.
var whoEnded = []struct {
	name    string
	end     func(e *engine, s *session)
	outcome board.Outcome
	want    board.Culprit
}{
	{"client first", func(e *engine, s *session) { e.bothEnd(s, &s.client, &s.target) }, board.Complete, board.ByClient},
	{"target first", func(e *engine, s *session) { e.bothEnd(s, &s.target, &s.client) }, board.Complete, board.ByTarget},
	{"client reset", func(e *engine, s *session) { e.failsBy(s, &s.client, unix.ECONNRESET) }, board.Cut, board.ByClient},
	{"target reset", func(e *engine, s *session) { e.failsBy(s, &s.target, unix.ECONNRESET) }, board.Cut, board.ByTarget},
	{"target reset after the client's end", func(e *engine, s *session) {
		s.client.eof = true
		e.conclude(s, false, nil)
		e.failsBy(s, &s.target, unix.ECONNRESET)
	}, board.Cut, board.ByTarget},
	{"client silent", func(e *engine, s *session) { e.failsBy(s, &s.client, unix.ETIMEDOUT) }, board.Cut, board.ClientLate},
	{"target silent", func(e *engine, s *session) { e.failsBy(s, &s.target, unix.ETIMEDOUT) }, board.Cut, board.TargetLate},
	{"a target has failed before the client's reset", func(e *engine, s *session) {
		s.failure = failure{errno: unix.ECONNREFUSED, peer: true}
		e.failsBy(s, &s.client, unix.ECONNRESET)
	}, board.Cut, board.ByClient},
	{"client reset without a target", func(e *engine, s *session) {
		s.client.fails(unix.ECONNRESET)
		e.desert(s)
	}, board.Cut, board.ByClient},
	{"target refused", func(e *engine, s *session) {
		s.failure = failure{errno: unix.ECONNREFUSED, peer: true}
		e.unreached(s)
	}, board.Unreached, board.ByTarget},
	{"no descriptor", func(e *engine, s *session) {
		s.failure = failure{what: "socket", errno: unix.EMFILE}
		e.unreached(s)
	}, board.Denied, board.ByLimit},
	{"proxy refused", func(e *engine, s *session) { e.refusedBy(s, errEarlyEnd) }, board.Denied, board.ByProxy},
	{"proxy silent", func(e *engine, s *session) { e.refusedBy(s, errSilentProxy) }, board.Denied, board.ProxyLate},
	{"an admin's word", func(e *engine, s *session) {
		s.client.eof = true
		e.conclude(s, false, nil)
		e.endedByAdmin(s, board.ByAdmin)
	}, board.AdminEnded, board.ByAdmin},
	{"an orphan's TERM", func(e *engine, s *session) { e.endedByAdmin(s, board.BySignal) }, board.AdminEnded, board.BySignal},
}

// bothEnd has both directions end, one after the other.
func (e *engine) bothEnd(s *session, first, second *side) {
	first.eof, first.done = true, true
	e.conclude(s, false, nil)
	second.eof, second.done = true, true
	e.conclude(s, false, nil)
}

// failsBy has a side fail with an error.
func (e *engine) failsBy(s *session, d *side, errno syscall.Errno) {
	d.fails(errno)
	e.conclude(s, false, d)
}

// refusedBy has the proxy refuse the session.
func (e *engine) refusedBy(s *session, err error) {
	s.dialog = new(proxyDialog)
	e.refuse(s, err)
}

// A client that can't be watched is turned away, and that is this host's fault.
func TestClientThatCannotBeWatched(t *testing.T) {
	e := rig(t)
	f, err := os.Create(t.TempDir() + "/file") // epoll_ctl(2): EPERM
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	e.admit(fd, convert.From(netip.MustParseAddrPort("10.1.2.3:40112")))
	if n := e.tally.Ends.By(board.ByError); n != 1 || e.outcomes(board.Denied) != 1 || e.live != 0 {
		t.Errorf("outcomes %v, %d by an error, %d live", &e.column.Ended, n, e.live)
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
