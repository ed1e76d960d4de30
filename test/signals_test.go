// Tests of the master's signals: TERM, INT, QUIT, TTOU, TTIN, HUP, USR1.

package test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// freed waits until the port is closed and the pidfile gone.
func (p *plug) freed() {
	p.t.Helper()
	await(p.t, "the port to be free", normalWait, func() bool { return !listening(p.t, p.port) })
	await(p.t, "the pidfile to be removed", normalWait, func() bool {
		_, err := os.Stat(p.pidfile)
		return os.IsNotExist(err)
	})
}

// masterGone waits for the end of the master's process.
func (p *plug) masterGone(bound time.Duration) {
	p.t.Helper()
	await(p.t, "the master's end", bound, func() bool { return !isOf(p.master, p.bin) })
}

// TERM to the master: the port is free for a new master at once, the sessions
// continue, and each leaves its line when it ends.
func TestTermLeavesSessions(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		target := serve(t, anywhere, echo).addr()
		p := startDaemon(t, mode, target)
		held := hold(t, p, 10)
		p.signal(syscall.SIGTERM)
		p.freed()
		p.masterGone(2 * time.Second)

		second := prepare(t, mode, target)
		for i, a := range second.args {
			if a == strconv.Itoa(second.port) {
				second.args[i] = strconv.Itoa(p.port)
			}
		}
		second.port = p.port
		// At once: a start's retries of a port in use must not hide that it
		// was still in use.
		ln, err := net.Listen("tcp4", fmt.Sprintf(":%d", p.port))
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		second.detach()
		mustPing(t, dial(t, second.addr()))

		// Spares end.
		carriers := 10
		if mode == "pool" {
			carriers = 1
		}
		await(t, "the spares' end", normalWait, func() bool { return len(p.procs()) <= max(carriers, len(busy(p))) })
		for i, c := range held {
			both(t,
				func() error { return send(c, uint64(i), 100_000) },
				func() error { return receive(c, uint64(i), 100_000) })
		}
		for _, l := range p.lines(10) {
			if l.in != 100_001 || l.out != 100_001 {
				t.Errorf("session line %+v", l)
			}
		}
		p.gone(5 * time.Second)
	})
}

// busy are the workers whose titles show sessions.
func busy(p *plug) (found []process) {
	for _, w := range p.workers() {
		if strings.Contains(w.title, " > ") || strings.Contains(w.title, "pool") && !strings.Contains(w.title, "(0 sessions)") {
			found = append(found, w)
		}
	}
	return found
}

// kill $(cat pidfile), as admins of 2.5 do: everything ends, and every session
// has its line.
func TestKillAllOfPidfile(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := startDaemon(t, mode, "-l", serve(t, anywhere, echo).addr())
		held := hold(t, p, 10)
		p.lists(held)
		for _, pid := range p.pids() {
			syscall.Kill(pid, syscall.SIGTERM)
		}
		for _, c := range held {
			hungUp(c)
		}
		p.freed()
		p.gone(5 * time.Second)
		for _, l := range p.lines(10) {
			if l.in != 1 || l.out != 1 {
				t.Errorf("session line %+v", l)
			}
		}
	})
}

// INT ends all sessions and everything else; in the foreground the started
// process exits with 0.
func TestIntEndsAll(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, serve(t, anywhere, echo).addr())
		held := hold(t, p, 10)
		p.signal(syscall.SIGINT)
		for _, c := range held {
			if err := hungUp(c); err != nil {
				t.Error(err)
			}
		}
		if code := p.wait(5 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.freed()
		p.gone(2 * time.Second)
		p.lines(10)
	})
}

// QUIT frees the port and waits for the sessions.
func TestQuitDrains(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, serve(t, anywhere, echo).addr())
		held := hold(t, p, 5)
		p.signal(syscall.SIGQUIT)
		await(t, "the port to be free", normalWait, func() bool { return !listening(t, p.port) })
		for i, c := range held {
			mustPing(t, c)
			if p.hasExited() || !isOf(p.master, p.bin) {
				t.Fatalf("the master ended with %d sessions left", len(held)-i)
			}
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		if code := p.wait(5 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.freed()
		p.gone(2 * time.Second)
		p.lines(5)
	})
}

// With --drain-timeout it waits no longer than that.
func TestQuitDrainTimeout(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, "--drain-timeout", "1s", serve(t, anywhere, echo).addr())
		held := hold(t, p, 5)
		began := time.Now()
		p.signal(syscall.SIGQUIT)
		if code := p.wait(6 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if took := time.Since(began); took < 900*time.Millisecond {
			t.Errorf("it waited only %v", took)
		}
		for _, c := range held {
			hungUp(c)
		}
		p.gone(2 * time.Second)
		p.lines(5)
	})
}

// waits waits until the plug is paused, and returns a client that waits. The
// signal has no answer; clients that are accepted before it takes effect are
// right.
func (p *plug) waits() (waiting *net.TCPConn) {
	p.t.Helper()
	await(p.t, "a client that waits", longWait, func() bool {
		waiting = dial(p.t, p.addr())
		waiting.SetDeadline(time.Now().Add(300 * time.Millisecond))
		err := ping(waiting)
		if err == nil {
			finish(waiting)
			return false
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatalf("client of a paused plug: %v", err)
		}
		return true
	})
	return waiting
}

// isServed waits until a client gets back the byte that it sent while it
// waited.
func isServed(t testing.TB, waiting *net.TCPConn) {
	t.Helper()
	waiting.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := waiting.Read(make([]byte, 1)); err != nil {
		t.Fatalf("after resuming, the waiting client: %v", err)
	}
}

// TTOU and TTIN: clients of a paused plug wait; they are not refused.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		b := serve(t, anywhere, echo)
		p := start(t, mode, b.addr())
		old := dial(t, p.addr())
		mustPing(t, old)
		for round := range 3 {
			p.signal(syscall.SIGTTOU)
			waiting := p.waits()
			accepted := b.accepted.Load()
			mustPing(t, old)
			if n := b.accepted.Load(); n != accepted {
				t.Errorf("round %d: %d sessions while paused", round, n-accepted)
			}
			p.signal(syscall.SIGTTIN)
			isServed(t, waiting)
			finish(waiting)
		}
	})
}

// HUP and USR1 end nothing.
func TestReopenSignalsHarmNothing(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := startDaemon(t, mode, serve(t, anywhere, echo).addr())
		held := hold(t, p, 5)
		for range 20 {
			for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
				p.signal(s)
				c := dial(t, p.addr())
				mustPing(t, c)
				finish(c)
			}
		}
		for _, c := range held {
			mustPing(t, c)
			finish(c)
		}
		p.lines(45)
		if !p.serves() {
			t.Error("it serves no more")
		}
	})
}

// Ctrl-C in a terminal sends INT to a whole process group; the shepherd passes
// it on, once.
func TestControlC(t *testing.T) {
	p := prepare(t, "prefork", "-n", serve(t, anywhere, echo).addr())
	p.launch(func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} })
	await(t, "the plug to serve", serveBound, p.serves)
	held := hold(t, p, 3)
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT)
	if code := p.wait(5 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, c := range held {
		hungUp(c)
	}
	p.freed()
	p.gone(2 * time.Second)
	p.lines(3)
}
