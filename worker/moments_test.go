//go:build linux && !portable && !race

// A worker that is killed at any moment leaves a board that the master can settle.

package worker

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// A SIGKILL can arrive between any two instructions, and after each of them the board
// must be in a state from which a master can settle the session: the row of a live
// session names its client, the row of an ending one says how it ended, and when a row
// has been freed, its session has its line and is counted. So this test takes a worker
// through a session step by step (ptrace(2)), and checks the board after each step.
func TestEveryMomentCanBeSettled(t *testing.T) {
	b := newBoss(t, one1, []string{refusing(t)}, func(a *board.Board) { a.Assignment.Options = board.OptSession })
	h := b.hire(0)
	from := func(ip net.IP) *net.TCPConn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}, Timeout: patience}
		c, err := d.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.(*net.TCPConn)
	}
	from(net.IPv4(127, 1, 0, 1)) // what it leaves must not be mistaken for the next one's
	b.wait("the first session's end", func() bool { return b.board.Row(0, 0).Word().Epoch() == 1 })
	b.wait("sleep", h.sleeps)
	runtime.LockOSThread() // the tracer must stay one thread
	defer runtime.UnlockOSThread()
	defer h.seize()()
	m := moments{b: b, epoch: 1, client: "127.1.0.2"}
	from(net.IPv4(127, 1, 0, 2))
	for b.queued() { // system call by system call, until it is accepted
		h.stops(h.pid, unix.PtraceSyscall(h.pid, 0))
	}
	for !m.check() {
		h.stops(h.pid, unix.PtraceSingleStep(h.pid))
	}
	if m.fault == nil && m.steps == 1 {
		t.Skip("somebody else's client was served in between")
	}
	if m.fault != nil {
		t.Fatalf("step %d: %v", m.steps, m.fault)
	}
	t.Logf("%d steps", m.steps)
	if m.live == 0 || m.ending == 0 {
		t.Errorf("live for %d of %d steps, ending for %d", m.live, m.steps, m.ending)
	}
}

// seize stops two of the worker's threads until release: the one with the loop, and the
// first that the runtime creates, its monitor, which would preempt a session that takes
// this long.
func (h *hand) seize() (release func()) {
	h.b.t.Helper()
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", h.pid))
	var threads []int
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		threads = append(threads, tid)
	}
	slices.Sort(threads)
	threads = threads[:min(2, len(threads))]
	for _, tid := range threads {
		if err := unix.PtraceSeize(tid); err != nil {
			h.b.t.Skipf("ptrace: %v", err)
		}
		h.stops(tid, unix.PtraceInterrupt(tid))
	}
	return func() {
		for _, tid := range threads {
			unix.PtraceDetach(tid)
		}
	}
}

// stops waits until a thread has stopped, after a ptrace call that asked for it.
func (h *hand) stops(tid int, err error) {
	h.b.t.Helper()
	var status unix.WaitStatus
	if err == nil {
		_, err = unix.Wait4(tid, &status, unix.WALL, nil)
	}
	if err != nil || !status.Stopped() {
		h.b.t.Fatalf("traced thread %d: status %#x, %v", tid, status, err)
	}
}

// queued reports whether a client is waiting to be accepted (tcp(7)).
func (b *boss) queued() bool {
	info, err := unix.GetsockoptTCPInfo(b.listener, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.Unacked > 0
}

// moments checks a session's row as a master would if the worker had just died.
type moments struct {
	b                   *boss
	epoch               uint64
	client              string
	steps, live, ending int
	fault               error
}

// check reports whether the session is over or something is wrong.
func (m *moments) check() (over bool) {
	m.steps++
	row, column := m.b.board.Row(0, 0), m.b.board.Column(0)
	counted := column.Ended[board.Unreached].Load()
	if epoch := row.Word().Epoch(); epoch != m.epoch {
		text, _ := os.ReadFile(m.b.session)
		if lines := strings.Count(string(text), "\n"); epoch != m.epoch+1 || counted != epoch || lines != int(epoch) {
			m.fault = fmt.Errorf("freed for the %d. time, %d sessions counted, %d lines", epoch, counted, lines)
		}
		return true
	}
	var s board.Snapshot
	if !row.Snapshot(&s) {
		return false
	}
	who := s.Client.Host()
	switch {
	case who != m.client || s.BeginAt == 0 || s.In+s.Out != 0:
		m.fault = fmt.Errorf("the row names client %s, begun at %d, %d bytes; want %s", who, s.BeginAt, s.In+s.Out, m.client)
	case s.Word.State() == board.RowLive:
		m.live++
	case s.Closed < s.BeginAt || board.Outcome(s.Outcome) != board.Unreached:
		m.fault = fmt.Errorf("ending: %v, closed at %d, begun at %d", board.Outcome(s.Outcome), s.Closed, s.BeginAt)
	default:
		m.ending++
	}
	return m.fault != nil
}
