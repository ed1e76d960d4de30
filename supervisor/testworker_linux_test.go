// A worker that a test plays: it does on the board and on the report pipe what a
// real worker would do, and reads its orders.

package supervisor

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// testWorker is a worker of a testMaster: a real process, whose lifeline the test
// holds.
type testWorker struct {
	*child
	pid      int
	lifeline int
	dead     bool
}

// spawnNext serves the next spawn request with a process that sleeps.
func (s *testMaster) spawnNext() *testWorker {
	s.t.Helper()
	select {
	case o := <-s.spawner.requests:
		a := s.startSleeper(o)
		a.plug().spawned(spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
		return a
	default:
		s.t.Fatal("no spawn was requested")
		return nil
	}
}

var pidfds sync.Map // pid → pidfd, from the start until the master has it

func (a *testWorker) pidfdOf() int {
	fd, _ := pidfds.LoadAndDelete(a.pid)
	return fd.(int)
}

// startSleeper starts the process for a spawn request.
func (s *testMaster) startSleeper(o spawnRequest) *testWorker {
	s.t.Helper()
	pid, pidfd := start(s.t, "sleep", "60")
	pidfds.Store(pid, pidfd)
	a := &testWorker{child: o.child, pid: pid, lifeline: o.lifeline[1]}
	s.workers[o.child.id] = a
	return a
}

// start starts a program and returns its pidfd as well.
func start(t testing.TB, program string, args ...string) (pid, pidfd int) {
	t.Helper()
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{}}
	return startWith(t, attr, program, args...)
}

func startWith(t testing.TB, attr *syscall.ProcAttr, program string, args ...string) (pid, pidfd int) {
	t.Helper()
	watch.WantPidfd(attr.Sys)
	path := "/bin/" + program
	pid, err := syscall.ForkExec(path, append([]string{program}, args...), attr)
	if err != nil {
		t.Fatal(err)
	}
	return pid, watch.GotPidfd(attr.Sys, pid)
}

// ring passes a worker's doorbell to the master.
func (s *testMaster) ring(a *testWorker, kind report.Kind) {
	s.handleDoorbell(report.Record{Kind: kind, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: a.generation.number})
}

// startSpares serves the pending spawn requests and makes the workers ready.
func (s *testMaster) startSpares(n int) (all []*testWorker) {
	s.t.Helper()
	for range n {
		a := s.spawnNext()
		s.ring(a, report.Ready)
		all = append(all, a)
	}
	return all
}

// kill kills the process and tells the master.
func (s *testMaster) kill(a *testWorker, signal unix.Signal) {
	s.t.Helper()
	unix.Kill(a.pid, signal)
	until(s.t, "the worker is dead", func() bool { return s.watcher.Status(a.pidfd).Known })
	a.dead = true
	s.handleEvents(watch.Events{Dead: []uint64{a.id}})
}

// orders returns the bytes on the worker's lifeline since the last call.
func (a *testWorker) orders() string {
	p := make([]byte, 100)
	n, _, _, _, err := unix.Recvmsg(a.lifeline, p, nil, unix.MSG_DONTWAIT)
	if err != nil {
		return ""
	}
	return string(p[:n])
}

// addSession puts a live session on a worker's row.
func (s *testMaster) addSession(a *testWorker, client string) *board.Row {
	b := a.generation.board
	b.Column(a.slot).PID.Store(uint32(a.pid))
	b.Column(a.slot).Rows.Store(max(1, b.Column(a.slot).Rows.Load()))
	row := b.Row(a.slot, 0)
	row.Client = convert.From(netip.MustParseAddrPort(client))
	row.BeginAt = s.mono()
	row.Hold()
	row.Choose(0)
	b.Column(a.slot).Live.Store(1)
	return row
}

// client connects to the first plug and stays in its queue.
func (s *testMaster) client() net.Conn {
	s.t.Helper()
	return s.clientOf(s.plug)
}

// clientOf connects to a plug and stays in its queue.
func (s *testMaster) clientOf(p *plug) net.Conn {
	s.t.Helper()
	fd := p.listeners[0].fd
	c, err := net.Dial("tcp", boundTo(s.t, fd).String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	until(s.t, "the client is in the queue", func() bool { return host.Queued(fd) > 0 })
	return c
}
