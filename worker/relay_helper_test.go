//go:build linux && !portable

// An engine without listeners, for tests that run its loop themselves.

package worker

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
	"daemon/plug/worker/kernel"
)

// rows is how many sessions a rig carries at most: more sides than are gathered at once,
// but no more than one wait can report.
const rows = pieces/2 + 8

// rig is an engine without listeners and lifeline. A test creates its sessions by hand
// and runs its loop. It has a pool's board, so it rings no bell.
func rig(t testing.TB) *engine {
	t.Helper()
	b, assignment, state, err := memory.New(board.Shape{Generation: 1, Workers: 1, Capacity: rows})
	if err != nil {
		t.Fatal(err)
	}
	b.Target(0).Addr = convert.From(netip.MustParseAddrPort("192.0.2.9:119"))
	b.Assignment.TargetCount = 1
	b.Assignment.CloseTimeout = uint32(patience.Milliseconds())
	w := &worker{board: b, pid: os.Getpid(), column: b.Column(0), tally: b.Tally(0), label: "119", tag: "(119)"}
	w.clock.start(kernel.Monotonic)
	w.records.init(w)
	e := &engine{worker: w, places: makePlaces(rows)}
	e.makeRoom()
	if errno := e.poll.Open(); errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() {
		for _, s := range e.table {
			if s != nil && s.state != ended {
				e.abort(s, board.Cut)
			}
		}
		for _, p := range e.relay.pipes {
			kernel.Close(p.r)
			kernel.Close(p.w)
		}
		if e.uring != nil {
			e.uring.Close()
		}
		unix.Close(e.poll.FD)
		b.Close()
		unix.Close(assignment)
		unix.Close(state)
	})
	return e
}

// carry makes a connected session of two sockets, which the engine then owns.
func (e *engine) carry(t testing.TB, client, target int) *session {
	t.Helper()
	s := e.place()
	s.client.fd, s.target.fd, s.slot, s.state = client, target, 0, relaying
	e.publish(s.row, convert.From(netip.MustParseAddrPort("10.1.2.3:40112")))
	s.row.Choose(0)
	e.reach(s.row, board.Relaying)
	e.live++
	e.column.Live.Store(uint32(e.live))
	for kind, fd := range map[kernel.TagKind]int{onClient: client, onTarget: target} {
		if errno := e.poll.Add(fd, peerEvents, kernel.MakeTag(kind, int(s.index), s.epoch)); errno != 0 {
			t.Fatal(errno)
		}
	}
	return s
}

// until runs the loop until the condition holds.
func (e *engine) until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", what)
		}
		e.once(1)
	}
}

// once is one iteration, which sleeps at most this long.
func (e *engine) once(ms int) (events int) {
	if len(e.runAgainSoon) > 0 {
		ms = 0
	}
	events = e.poll.Wait(ms)
	e.clock.read()
	e.serveAll(e.poll.Events[:events])
	return events
}

// quiet runs the loop until nothing happens any more.
func (e *engine) quiet() {
	for idle := 0; idle < 3; {
		if e.once(2) == 0 && len(e.runAgainSoon) == 0 {
			idle++
		} else {
			idle = 0
		}
	}
}

// tcp is a connection: the test's end, and the engine's.
func tcp(t testing.TB) (*net.TCPConn, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mine, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mine.Close() })
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	f, err := other.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(fd, true)
	mine.SetDeadline(time.Now().Add(patience))
	return mine.(*net.TCPConn), fd
}

// pair is a session between a client and a target of the test.
func pair(t testing.TB, e *engine) (s *session, client, target *net.TCPConn) {
	t.Helper()
	client, c := tcp(t)
	target, d := tcp(t)
	return e.carry(t, c, d), client, target
}

// descriptors is how many descriptors this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// outcomes is how many sessions have ended with this outcome.
func (e *engine) outcomes(o board.Outcome) uint64 { return e.column.Ended[o].Load() }

// inBlock is how many bytes lie in a direction's block.
func inBlock(d *side) int {
	if d.block == nil {
		return 0
	}
	return len(d.block.kept)
}
