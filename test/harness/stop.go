// Harness: signals to a plug, stopping it, and checking that nothing is left.

package harness

import (
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Signal sends to the started process in the foreground, so that the shepherd
// has to relay it, and to the master of a daemon.
func (p *Plug) Signal(s syscall.Signal) {
	p.T.Helper()
	pid := p.Master
	if !p.Daemon {
		pid = p.Cmd.Process.Pid
	}
	if err := syscall.Kill(pid, s); err != nil && !(errors.Is(err, syscall.ESRCH) && s == syscall.SIGTERM) {
		p.T.Fatalf("kill -%d %d: %v", s, pid, err)
	}
}

// Procs are all live processes of this plug.
func (p *Plug) Procs() []Process { return ProcessesOf(p.Bin) }

// Workers are the processes that are neither master nor shepherd.
func (p *Plug) Workers() []Process {
	return slices.DeleteFunc(p.Procs(), func(q Process) bool {
		return q.PID == p.Master || !p.Daemon && q.PID == p.Cmd.Process.Pid
	})
}

// Stop ends the plug with TERM and waits until none of its processes is left.
func (p *Plug) Stop() {
	p.T.Helper()
	if p.Cmd == nil {
		return
	}
	if p.Daemon && IsOf(p.Master, p.Bin) || !p.Daemon && !p.HasExited() {
		p.Signal(syscall.SIGTERM)
	}
	p.Gone(10 * time.Second)
	if p.HasExited() && p.Master != 0 && p.Code() != 0 {
		p.T.Errorf("after TERM the exit code is %d, not 0", p.Code())
	}
}

// Gone waits for the end of every process; the remaining ones are reported and
// killed.
func (p *Plug) Gone(bound time.Duration) {
	p.T.Helper()
	if HoldsWithin(bound, func() bool { return len(p.Procs()) == 0 }) {
		return
	}
	for _, q := range p.Procs() {
		p.T.Errorf("still there after %v: %v", bound, q)
		syscall.Kill(q.PID, syscall.SIGKILL)
	}
	HoldsWithin(bound, func() bool { return len(p.Procs()) == 0 })
}

func (p *Plug) cleanup() {
	p.Stop()
	if p.T.Failed() && p.Cmd != nil {
		p.T.Logf("command: %q\nstderr: %s", p.Cmd.Args, Tail(p.Errors(), 4000))
	}
}

// Noticed waits until the workers of a dead master are ready for TERM. Their
// signal masks do not show it: Go's runtime has a handler from the start.
func (p *Plug) Noticed() {
	p.T.Helper()
	Await(p.T, "the workers to notice", NormalWait, func() bool {
		return !slices.ContainsFunc(p.Procs(), func(w Process) bool {
			return !slices.Contains(slices.Collect(maps.Values(Descriptors(w.PID))), "anon_inode:[eventfd]")
		})
	})
}

// Freed waits until the port is closed and the pidfile gone.
func (p *Plug) Freed() {
	p.T.Helper()
	Await(p.T, "the port to be free", NormalWait, func() bool { return !Listening(p.T, p.Port) })
	Await(p.T, "the pidfile to be removed", NormalWait, func() bool {
		_, err := os.Stat(p.Pidfile)
		return os.IsNotExist(err)
	})
}

// MasterGone waits for the end of the master's process.
func (p *Plug) MasterGone(bound time.Duration) {
	p.T.Helper()
	Await(p.T, "the master's end", bound, func() bool { return !IsOf(p.Master, p.Bin) })
}

// Waits waits until the plug is paused, and returns a client that waits. The
// signal has no answer; clients that are accepted before it takes effect are
// right.
func (p *Plug) Waits() (waiting *net.TCPConn) {
	p.T.Helper()
	Await(p.T, "a client that waits", LongWait, func() bool {
		waiting = Dial(p.T, p.Addr())
		waiting.SetDeadline(time.Now().Add(300 * time.Millisecond))
		err := Ping(waiting)
		if err == nil {
			Finish(waiting)
			return false
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			p.T.Fatalf("client of a paused plug: %v", err)
		}
		return true
	})
	return waiting
}

// IsServed waits until a client gets back the byte that it sent while it
// waited.
func IsServed(t testing.TB, waiting *net.TCPConn) {
	t.Helper()
	waiting.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := waiting.Read(make([]byte, 1)); err != nil {
		t.Fatalf("after resuming, the waiting client: %v", err)
	}
}
