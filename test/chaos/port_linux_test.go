//go:build linux

// Tests of the port and pidfile after every way in which a plug can end.

package chaos

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// portEnds are the ways in which a plug can end, and what a start finds as
// soon as the ended plug's first process is gone.
var portEnds = []struct {
	name string
	end  func(p *harness.Plug)
	// The old master stays, and so does its pidfile.
	stays bool
	// Which processes hold the port: none, or the stopped workers.
	stoppedHold bool
	lines       int // of three sessions
}{
	{"TERM", func(p *harness.Plug) { p.Signal(syscall.SIGTERM) }, false, false, 3},
	{"INT", func(p *harness.Plug) { p.Signal(syscall.SIGINT) }, false, false, 3},
	{"QUIT", func(p *harness.Plug) { p.Signal(syscall.SIGQUIT) }, true, false, 3},
	{"KILL of the master", func(p *harness.Plug) { syscall.Kill(p.Master, syscall.SIGKILL) }, false, true, 3},
	{"KILL of the shepherd", func(p *harness.Plug) { p.Signal(syscall.SIGKILL) }, false, false, 3},
	{"KILL of all", func(p *harness.Plug) {
		for _, q := range p.Procs() {
			syscall.Kill(q.PID, syscall.SIGKILL)
		}
	}, false, false, 0},
}

// After every kind of end, with busy workers left, and with stopped ones, a
// new plug on the same port and pidfile serves, or names the processes that
// hold them; and serves when these have released them.
func TestPortAfterEveryEnd(t *testing.T) {
	t.Parallel()
	for i, e := range portEnds {
		for j, stopped := range []bool{false, true} {
			only := harness.Modes
			if !harness.Soak() {
				only = harness.Modes[(i+j)%3 : (i+j)%3+1]
			}
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Run(fmt.Sprintf("%s/stopped=%v", e.name, stopped), func(t *testing.T) {
					adoptOrphans(t) // otherwise the kernel would continue the stopped ones
					old := leavePort(t, mode, stopped)
					e.end(old.Plug)
					if !e.stays {
						old.Wait(10 * time.Second)
						harness.Await(t, "the master's end", harness.NormalWait, func() bool { return !harness.IsOf(old.Master, old.Bin) })
					}
					if e.stays {
						harness.Await(t, "the port to be free", harness.NormalWait, func() bool { return !harness.Opened(old.Port) })
						old.takePort(t, true, 0) // with its own pidfile
					}
					held := 0
					if e.stoppedHold && stopped {
						held = len(old.stopped)
					}
					if e.stays {
						held = 1
					}
					old.takePort(t, false, held)
					old.letGo(t, e.lines)
				})
			}, only...)
		}
	}
}

// leftPort is an ended plug with three sessions, with some of its workers
// stopped.
type leftPort struct {
	*harness.Plug
	held    []*net.TCPConn
	stopped []int
}

func leavePort(t *testing.T, mode string, stopped bool) *leftPort {
	t.Helper()
	old := &leftPort{Plug: harness.Start(t, mode, append(harness.SparesArgs(mode, 3), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)}
	old.held = harness.Hold(t, old.Plug, 3)
	if !stopped {
		return old
	}
	carriers := old.Lists(old.held)
	if mode != "pool" {
		old.stopped = append(old.stopped, old.Spares(3)[0].PID)
	}
	old.stopped = append(old.stopped, carriers[0])
	for _, pid := range old.stopped {
		harness.StopProcess(t, pid)
	}
	return old
}

// holder matches the PIDs that a failed start names as holders of the port or
// the pidfile.
var holder = regexp.MustCompile(`held by (?:PID|process) ([\d, ]+)`)

// takePort starts a new plug on the old one's port, and on its pidfile or on
// another. If held is not 0, it must instead name this many processes of the
// old one, and serve when they have released the port.
func (old *leftPort) takePort(t *testing.T, ownPidfile bool, held int) {
	t.Helper()
	args := []string{"-n", harness.Serve(t, harness.Anywhere, harness.Greet("new")).Addr()}
	if !ownPidfile {
		args = append(args, "-P", old.Pidfile)
	}
	p := harness.Prepare(t, old.Mode, args...)
	p.Args[slices.Index(p.Args, strconv.Itoa(p.Port))] = strconv.Itoa(old.Port)
	p.Port = old.Port
	if !ownPidfile {
		p.Pidfile = old.Pidfile
	}
	serves := p.Relaunch()
	if serves != (held == 0) {
		t.Fatalf("serves: %v, with %d holders of the port or the pidfile: %s", serves, held, p.Errors())
	}
	if !serves {
		m := holder.FindStringSubmatch(p.Errors())
		if m == nil || p.Code() != 4 {
			t.Fatalf("exits with %d and names nobody: %s", p.Code(), p.Errors())
		}
		var named []int
		for _, digits := range regexp.MustCompile(`\d+`).FindAllString(m[1], -1) {
			pid, _ := strconv.Atoi(digits)
			named = append(named, pid)
			if !harness.IsOf(pid, old.Bin) {
				t.Errorf("it names %d, which is nobody of the old plug", pid)
			}
		}
		if len(named) != held {
			t.Errorf("%q names %d, not %d", p.Errors(), len(named), held)
		}
		old.release(t, named)
		if !p.Relaunch() {
			t.Fatalf("when %v have let go: %s", named, p.Errors())
		}
	}
	if got := harness.Greeting(t, "", p.Addr()); got != "new" {
		t.Errorf("a client of the new plug is greeted with %q", got)
	}
	p.Lines(1)
	p.Stop()
}

// release does what an admin with these PIDs would do: continue the stopped
// processes, and end the sessions for which a master waits.
func (old *leftPort) release(t *testing.T, named []int) {
	t.Helper()
	for _, pid := range old.stopped {
		syscall.Kill(pid, syscall.SIGCONT)
	}
	if slices.Contains(named, old.Master) {
		old.finishAll(t)
		harness.Await(t, "the old master's end", harness.NormalWait, func() bool { return !harness.IsOf(old.Master, old.Bin) })
	}
	// A worker that carries a session stays, but leaves the port.
	harness.Await(t, "the port to be free", harness.NormalWait, func() bool { return !harness.Opened(old.Port) })
}

func (old *leftPort) finishAll(t *testing.T) {
	t.Helper()
	for _, c := range old.held {
		if err := harness.Ping(c); err != nil {
			t.Errorf("an old session: %v", err)
		}
		harness.Finish(c)
	}
	old.held = nil
}

// letGo ends what is left of the old plug; its sessions that were not ended
// with it must be whole, and have their lines.
func (old *leftPort) letGo(t *testing.T, lines int) {
	t.Helper()
	for _, pid := range old.stopped {
		syscall.Kill(pid, syscall.SIGCONT)
	}
	if len(old.Procs()) > 0 {
		old.finishAll(t)
	}
	old.Gone(5 * time.Second)
	old.Lines(lines)
	old.Cmd = nil // it has ended, and not always with 0
}
