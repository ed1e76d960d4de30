//go:build linux && !portable && !race

package worker

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/board"
)

// A SIGKILL can fall between any two instructions, and at each the board must be
// such that a master could settle the session: the row of a live one tells whose
// it is, that of an ending one how it ended, and a free one's session has its
// line and is counted. So a worker is led through sessions step by step
// (ptrace(2)), and the board is looked at after each.
func TestEveryMomentCanBeInherited(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, func(a *board.Board) { a.Options = board.OptSession })
	h := b.hire(0)
	b.wait("it waits", h.sleeps)
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	if err := unix.PtraceSeize(h.pid); err != nil {
		t.Skipf("ptrace: %v", err)
	}
	for n := range uint64(2) { // what the one before has left is there in the second
		h.traced(unix.PtraceInterrupt(h.pid))
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, 0, byte(1+n))}, Timeout: patience}
		c, err := d.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for b.queued() { // by system calls until it is accepted
			h.traced(unix.PtraceSyscall(h.pid, 0))
		}
		m := moments{b: b, turn: n, client: d.LocalAddr.(*net.TCPAddr).IP.String()}
		for !m.look() {
			h.traced(unix.PtraceSingleStep(h.pid))
		}
		if m.fault != nil {
			t.Fatalf("session %d, step %d: %v", n, m.steps, m.fault)
		}
		t.Logf("session %d: %d steps", n, m.steps)
		if m.live == 0 || m.ending == 0 {
			t.Errorf("session %d was live for %d of %d steps, ending for %d", n, m.live, m.steps, m.ending)
		}
		if err := unix.PtraceCont(h.pid, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// traced waits until the worker has stopped again, for the answer of a ptrace.
func (h *hand) traced(err error) {
	h.b.t.Helper()
	var status unix.WaitStatus
	if err == nil {
		_, err = unix.Wait4(h.pid, &status, unix.WALL, nil)
	}
	if err != nil || !status.Stopped() {
		h.b.t.Fatalf("the traced worker: status %#x, %v", status, err)
	}
}

// queued tells whether a client waits to be accepted (tcp(7)).
func (b *boss) queued() bool {
	info, err := unix.GetsockoptTCPInfo(b.listener, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.Unacked > 0
}

// moments looks at a session's row as a master would if the worker had died just
// now.
type moments struct {
	b                   *boss
	turn                uint64
	client              string
	steps, live, ending int
	fault               error
}

// look tells whether the session is over, or something is wrong.
func (m *moments) look() (over bool) {
	m.steps++
	row, column := m.b.board.Row(0, 0), m.b.board.Column(0)
	counted := column.Ended[board.Unreached].Load()
	if turn := row.Word().Turn(); turn != m.turn {
		text, _ := os.ReadFile(m.b.session)
		if lines := strings.Count(string(text), "\n"); turn != m.turn+1 || counted != turn || lines != int(turn) {
			m.fault = fmt.Errorf("freed for the %d. time, %d sessions counted, %d lines", turn, counted, lines)
		}
		return true
	}
	var s board.Snapshot
	if !row.Snapshot(&s) {
		return false
	}
	who := s.Client.Address().String()
	switch {
	case who != m.client || s.BeginAt == 0 || s.In+s.Out != 0:
		m.fault = fmt.Errorf("the row tells of client %s, begun at %d, %d bytes; want %s", who, s.BeginAt, s.In+s.Out, m.client)
	case s.Word.State() == board.RowLive:
		m.live++
	case s.Closed < s.BeginAt || board.Outcome(s.Outcome) != board.Unreached:
		m.fault = fmt.Errorf("ending: %v, closed at %d, begun at %d", board.Outcome(s.Outcome), s.Closed, s.BeginAt)
	default:
		m.ending++
	}
	return m.fault != nil
}
