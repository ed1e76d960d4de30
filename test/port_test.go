//go:build linux

// Tests of the port and pidfile after every way in which a plug can end.

package test

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// portEnds are the ways in which a plug can end, and what a start finds as
// soon as the ended plug's first process is gone.
var portEnds = []struct {
	name string
	end  func(p *plug)
	// The old master stays, and so does its pidfile.
	stays bool
	// Which processes hold the port: none, or the stopped workers.
	stoppedHold bool
	lines       int // of three sessions
}{
	{"TERM", func(p *plug) { p.signal(syscall.SIGTERM) }, false, false, 3},
	{"INT", func(p *plug) { p.signal(syscall.SIGINT) }, false, false, 3},
	{"QUIT", func(p *plug) { p.signal(syscall.SIGQUIT) }, true, false, 3},
	{"KILL of the master", func(p *plug) { syscall.Kill(p.master, syscall.SIGKILL) }, false, true, 3},
	{"KILL of the shepherd", func(p *plug) { p.signal(syscall.SIGKILL) }, false, false, 3},
	{"KILL of all", func(p *plug) {
		for _, q := range p.procs() {
			syscall.Kill(q.pid, syscall.SIGKILL)
		}
	}, false, false, 0},
}

// After every kind of end, with busy workers left, and with stopped ones, a
// new plug on the same port and pidfile serves, or names the processes that
// hold them; and serves when these have released them.
func TestPortAfterEveryEnd(t *testing.T) {
	for i, e := range portEnds {
		for j, stopped := range []bool{false, true} {
			only := modes
			if !soak() {
				only = modes[(i+j)%3 : (i+j)%3+1]
			}
			forEachMode(t, func(t *testing.T, mode string) {
				t.Run(fmt.Sprintf("%s/stopped=%v", e.name, stopped), func(t *testing.T) {
					adoptOrphans(t) // otherwise the kernel would continue the stopped ones
					old := leavePort(t, mode, stopped)
					e.end(old.plug)
					if !e.stays {
						old.wait(10 * time.Second)
						await(t, "the master's end", normalWait, func() bool { return !isOf(old.master, old.bin) })
					}
					if e.stays {
						await(t, "the port to be free", normalWait, func() bool { return !opened(old.port) })
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
	*plug
	held    []*net.TCPConn
	stopped []int
}

func leavePort(t *testing.T, mode string, stopped bool) *leftPort {
	t.Helper()
	old := &leftPort{plug: start(t, mode, append(sparesArgs(mode, 3), serve(t, anywhere, echo).addr())...)}
	old.held = hold(t, old.plug, 3)
	if !stopped {
		return old
	}
	carriers := old.lists(old.held)
	if mode != "pool" {
		old.stopped = append(old.stopped, old.spares(3)[0].pid)
	}
	old.stopped = append(old.stopped, carriers[0])
	for _, pid := range old.stopped {
		stopProcess(t, pid)
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
	args := []string{"-n", serve(t, anywhere, greet("new")).addr()}
	if !ownPidfile {
		args = append(args, "-P", old.pidfile)
	}
	p := prepare(t, old.mode, args...)
	p.args[slices.Index(p.args, strconv.Itoa(p.port))] = strconv.Itoa(old.port)
	p.port = old.port
	if !ownPidfile {
		p.pidfile = old.pidfile
	}
	serves := p.relaunch()
	if serves != (held == 0) {
		t.Fatalf("serves: %v, with %d holders of the port or the pidfile: %s", serves, held, p.errors())
	}
	if !serves {
		m := holder.FindStringSubmatch(p.errors())
		if m == nil || p.code() != 4 {
			t.Fatalf("exits with %d and names nobody: %s", p.code(), p.errors())
		}
		var named []int
		for _, digits := range regexp.MustCompile(`\d+`).FindAllString(m[1], -1) {
			pid, _ := strconv.Atoi(digits)
			named = append(named, pid)
			if !isOf(pid, old.bin) {
				t.Errorf("it names %d, which is nobody of the old plug", pid)
			}
		}
		if len(named) != held {
			t.Errorf("%q names %d, not %d", p.errors(), len(named), held)
		}
		old.release(t, named)
		if !p.relaunch() {
			t.Fatalf("when %v have let go: %s", named, p.errors())
		}
	}
	if got := greeting(t, "", p.addr()); got != "new" {
		t.Errorf("a client of the new plug is greeted with %q", got)
	}
	p.lines(1)
	p.stop()
}

// release does what an admin with these PIDs would do: continue the stopped
// processes, and end the sessions for which a master waits.
func (old *leftPort) release(t *testing.T, named []int) {
	t.Helper()
	for _, pid := range old.stopped {
		syscall.Kill(pid, syscall.SIGCONT)
	}
	if slices.Contains(named, old.master) {
		old.finishAll(t)
		await(t, "the old master's end", normalWait, func() bool { return !isOf(old.master, old.bin) })
	}
	// A worker that carries a session stays, but leaves the port.
	await(t, "the port to be free", normalWait, func() bool { return !opened(old.port) })
}

func (old *leftPort) finishAll(t *testing.T) {
	t.Helper()
	for _, c := range old.held {
		if err := ping(c); err != nil {
			t.Errorf("an old session: %v", err)
		}
		finish(c)
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
	if len(old.procs()) > 0 {
		old.finishAll(t)
	}
	old.gone(5 * time.Second)
	old.lines(lines)
	old.cmd = nil // it has ended, and not always with 0
}
