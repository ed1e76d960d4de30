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

// A side that is silent for too long has ended the session. The other ways in which a
// session ends are in TestActs of package test, with both engines.
func TestSilenceEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		of   func(s *session) *side
		want board.Culprit
	}{
		{"client", func(s *session) *side { return &s.client }, board.ClientLate},
		{"target", func(s *session) *side { return &s.target }, board.TargetLate},
	} {
		e := rig(t)
		s, _, _ := pair(t, e)
		e.failsBy(s, c.of(s), unix.ETIMEDOUT)
		who := board.Cause(s.row.Cause.Load()).Culprit()
		if s.state != ended || e.outcomes(board.Cut) != 1 || who != c.want {
			t.Errorf("%s: state %d, outcomes %v, ended by %s; expected %s by %s", c.name, s.state, &e.column.Ended, who, board.Cut, c.want)
		}
	}
}

// failsBy has a side fail with an error.
func (e *engine) failsBy(s *session, d *side, errno syscall.Errno) {
	d.fails(errno)
	e.conclude(s, false, d)
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
