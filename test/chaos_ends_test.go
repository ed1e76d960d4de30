// Tests with very many sessions: the master, or everything, is killed.

package test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scaled is a number for a soak, and a smaller one for make test.
func scaled(whole, less int) int {
	if soak() {
		return whole
	}
	return less
}

// kill $(cat pidfile) with very many sessions: each leaves its line, nothing
// runs after a second, and the port is free.
func TestChaosKillAllOfPidfile(t *testing.T) {
	n := scaled(500, 100)
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, serve(t, anywhere, echo).addr())
		held := hold(t, p, n)
		p.lists(held)
		p.hurry()
		began := time.Now()
		shell := exec.Command("/bin/sh", "-c", "kill $(cat "+p.pidfile+")")
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		await(t, "the end of every process", 20*time.Second, func() bool { return len(p.procs()) == 0 })
		took := time.Since(began)
		t.Logf("%d sessions: nothing runs after %v", n, took)
		if took > time.Second {
			t.Errorf("something ran for %v, not for a second at most", took)
		}
		if listening(t, p.port) {
			t.Error("the port is not free")
		}
		if _, err := os.Stat(p.pidfile); !os.IsNotExist(err) {
			t.Errorf("the pidfile is still there: %v", err)
		}
		for _, c := range held {
			hungUp(c)
		}
		for _, l := range p.lines(n) {
			if l.in != 1 || l.out != 1 {
				t.Errorf("session line %+v", l)
			}
		}
	})
}

// The master is killed by SIGKILL under very many sessions: they continue and
// leave their lines; a new one on the same port and pidfile serves within a
// second.
func TestChaosMasterKilled(t *testing.T) {
	n := scaled(1000, 150)
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := serve(t, anywhere, echo).addr()
		p := startDaemon(t, mode, target)
		held := hold(t, p, n)
		old := p.master
		p.signal(syscall.SIGKILL)
		p.masterGone(5 * time.Second)
		p.hurry()

		began := time.Now()
		p.detach()
		took := time.Since(began)
		t.Logf("beside %d sessions of a killed master the next one serves after %v", n, took)
		if took > time.Second {
			t.Errorf("it needed %v, not a second at most", took)
		}
		if p.master == old {
			t.Fatal("the pidfile still names the killed master")
		}
		fresh := hold(t, p, 10)
		for i, c := range held {
			c.SetDeadline(time.Now().Add(talkBound))
			both(t,
				func() error { return send(c, uint64(i), 10_000) },
				func() error { return receive(c, uint64(i), 10_000) })
		}
		for _, l := range p.lines(n) {
			if l.in != 10_001 || l.out != 10_001 {
				t.Errorf("session line %+v", l)
			}
		}
		await(t, "the end of the killed master's workers", longWait, func() bool {
			for _, w := range p.workers() {
				if w.ppid != p.master {
					return false
				}
			}
			return true
		})
		for _, c := range fresh {
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		p.lines(n + 10)
	})
}

// noticed waits until the workers of a dead master are ready for TERM. Their
// signal masks do not show it: Go's runtime has a handler from the start.
func (p *plug) noticed() {
	p.t.Helper()
	await(p.t, "the workers to notice", normalWait, func() bool {
		return !slices.ContainsFunc(p.procs(), func(w process) bool {
			return !slices.Contains(slices.Collect(maps.Values(descriptors(w.pid))), "anon_inode:[eventfd]")
		})
	})
}

// TERM to a worker without a master ends its sessions. It writes their lines
// itself, since there is no master to write them.
func TestChaosTermOfOrphan(t *testing.T) {
	linuxEngineOnly(t, "nothing that can be seen from outside tells when its TERM handler is there")
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, serve(t, anywhere, echo).addr())
		held := hold(t, p, 6)
		p.lists(held)
		p.signal(syscall.SIGKILL)
		p.masterGone(5 * time.Second)
		p.noticed()
		for _, c := range held {
			mustPing(t, c) // so that it has been counted
		}
		for _, w := range p.procs() {
			syscall.Kill(w.pid, syscall.SIGTERM)
		}
		for _, c := range held {
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the end of an orphan's session: %v, not a reset", err)
			}
		}
		p.gone(5 * time.Second)
		for _, l := range p.lines(6) {
			if l.in != 2 || l.out != 2 {
				t.Errorf("session line %+v", l)
			}
		}
	})
}

// relaunch starts the command line in the foreground, if necessary again, and
// reports whether it has the port or has exited. An older plug may have the
// port in the meantime, so the listener must be among the new master's
// descriptors.
func (p *plug) relaunch() (serves bool) {
	p.t.Helper()
	p.launch()
	await(p.t, "the new plug to serve", serveBound, func() bool {
		if p.hasExited() {
			return true
		}
		pids, err := readPidfile(p.pidfile)
		if err != nil || !isOf(pids[0], p.bin) || !slices.Contains(slices.Collect(maps.Values(descriptors(pids[0]))), listener(p.port)) {
			return false
		}
		p.master = pids[0]
		return true
	})
	return !p.hasExited()
}

// listener is "socket:[INODE]" of the listener on an IPv4 port, or "". It is
// faster than listening: the kernel lists listeners first, so the rest, tens
// of thousands of ended connections on a busy machine, need not be read.
func listener(port int) string {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 64<<10))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 9 && f[3] == stateListen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			return "socket:[" + f[9] + "]"
		}
	}
	return ""
}

func opened(port int) bool { return listener(port) != "" }

// stopProcess stops a process and waits until it has stopped.
func stopProcess(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatalf("stop %d: %v", pid, err)
	}
	await(t, fmt.Sprintf("%d to stop", pid), normalWait, func() bool { return isStopped(pid) })
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) })
}

// isStopped reports whether every thread has stopped (proc(5): T).
func isStopped(pid int) bool {
	all := tasks(pid)
	for _, dir := range all {
		if s := status(dir)["State"]; s == "" || s[0] != 'T' {
			return false
		}
	}
	return len(all) > 0
}
