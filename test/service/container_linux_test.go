// Tests of plug as PID 1 of a container.

package service

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// dockerGrace is how long docker stop waits between TERM and KILL.
const dockerGrace = 10 * time.Second

// startContainer starts a plug as PID 1 of its own PID namespace, and returns
// it with the PID of that process outside. The PIDs in the pidfile are those
// inside.
func startContainer(t *testing.T, mode string, args ...string) (p *harness.Plug, one int) {
	t.Helper()
	harness.NeedRoot(t)
	unshare := harness.Program(t, "unshare")
	p = harness.Prepare(t, mode, append([]string{"-n"}, args...)...)
	p.Launch(func(c *exec.Cmd) {
		c.Args = append([]string{unshare, "--pid", "--fork", "--kill-child", "--mount-proc", p.Bin}, c.Args[1:]...)
		c.Path = unshare
	})
	harness.Await(t, "the plug to serve in a PID namespace", harness.ServeBound, func() bool {
		if p.HasExited() {
			t.Fatalf("exited with %d instead of serving: %s", p.Code(), p.Errors())
		}
		return harness.Opened(p.Port) && harness.ReadString(p.Pidfile) != ""
	})
	for _, q := range p.Procs() {
		if pidInside(q.PID) == "1" {
			one = q.PID
		}
	}
	if one == 0 {
		t.Fatalf("nobody is PID 1: %v", p.Procs())
	}
	return p, one
}

// pidInside is a process's PID in its own PID namespace.
func pidInside(pid int) string {
	f := strings.Fields(harness.ProcStatus(fmt.Sprintf("/proc/%d", pid))["NSpid"])
	return harness.Last(append([]string{""}, f...), 1)[0]
}

// dockerStop does to PID 1 what docker stop does, and returns how long it
// took.
func dockerStop(t *testing.T, p *harness.Plug, one int) time.Duration {
	t.Helper()
	began := time.Now()
	syscall.Kill(one, syscall.SIGTERM)
	if !harness.HoldsWithin(dockerGrace, p.HasExited) {
		syscall.Kill(one, syscall.SIGKILL)
		p.Wait(5 * time.Second)
		t.Errorf("PID 1 had to be killed after %v", dockerGrace)
	}
	return time.Since(began)
}

// docker stop leaves the line of each session: of those that end on their own
// in the first eight seconds, and of those that PID 1 ends afterwards.
func TestContainerStop(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, one := startContainer(t, mode, target.Addr())
		held := harness.Hold(t, p, 5)
		stopped := make(chan time.Duration, 1)
		go func() { stopped <- dockerStop(t, p, one) }()
		harness.Await(t, "the port to be free", harness.NormalWait, func() bool { return !harness.Opened(p.Port) })
		for _, c := range held {
			harness.MustPing(t, c)
		}
		for _, c := range held[:2] {
			if err := harness.Finish(c); err != nil {
				t.Errorf("a session that ends during the drain: %v", err)
			}
		}
		took := <-stopped
		if took < 7*time.Second {
			t.Errorf("after %v no session is left; the drain should take 8 s", took)
		}
		t.Logf("docker stop took %v", took)
		if code := p.Code(); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		p.Lines(5)
		if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
			t.Errorf("the pidfile is still there: %v", err)
		}
	})
}

// The drain ends with the last session; if --drain-timeout is given, it is the
// limit.
func TestContainerDrain(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	for _, c := range []struct {
		name  string
		args  []string
		act   func(held []*net.TCPConn)
		least time.Duration
	}{
		{"last session ends", nil, func(held []*net.TCPConn) {
			for _, c := range held {
				harness.Finish(c)
			}
		}, 0},
		{"limit", []string{"--drain-timeout", "1s"}, func([]*net.TCPConn) {}, time.Second},
		{"no sessions", nil, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, one := startContainer(t, "prefork", append(c.args, target.Addr())...)
			sessions := 0
			var held []*net.TCPConn
			if c.act != nil {
				sessions = 5
				held = harness.Hold(t, p, sessions)
			}
			stopped := make(chan time.Duration, 1)
			go func() { stopped <- dockerStop(t, p, one) }()
			if c.act != nil {
				harness.Await(t, "the port to be free", harness.NormalWait, func() bool { return !harness.Opened(p.Port) })
				c.act(held)
			}
			if took := <-stopped; took < c.least || took > c.least+3*time.Second {
				t.Errorf("the stop took %v, not %v and a moment", took, c.least)
			}
			p.Lines(sessions)
		})
	}
}

// If a container's master is killed, the lines of its sessions are not lost:
// PID 1 makes its workers write them before it ends.
func TestContainerLosesItsMaster(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, _ := startContainer(t, mode, target.Addr())
		harness.Hold(t, p, 5)
		first, _, _ := strings.Cut(harness.ReadString(p.Pidfile), "\n")
		for _, q := range p.Procs() {
			if pidInside(q.PID) == first {
				syscall.Kill(q.PID, syscall.SIGKILL)
			}
		}
		p.Wait(5 * time.Second)
		p.Lines(5)
	})
}
