// Tests of the master's signals: TERM, INT, QUIT, TTOU, TTIN, HUP, USR1.

package test

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// TERM to the master: the port is free for a new master at once, the sessions
// continue, and each leaves its line when it ends.
func TestTermLeavesSessions(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.StartDaemon(t, mode, target)
		held := harness.Hold(t, p, 10)
		p.Signal(syscall.SIGTERM)
		p.Freed()
		p.MasterGone(2 * time.Second)

		second := harness.Prepare(t, mode, target)
		for i, a := range second.Args {
			if a == strconv.Itoa(second.Port) {
				second.Args[i] = strconv.Itoa(p.Port)
			}
		}
		second.Port = p.Port
		// At once: a start's retries of a port in use must not hide that it
		// was still in use.
		ln, err := net.Listen("tcp4", fmt.Sprintf(":%d", p.Port))
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		second.Detach()
		harness.MustPing(t, harness.Dial(t, second.Addr()))

		// Spares end.
		carriers := 10
		if mode == "pool" {
			carriers = 1
		}
		harness.Await(t, "the spares' end", harness.NormalWait, func() bool { return len(p.Procs()) <= max(carriers, len(busy(p))) })
		for i, c := range held {
			harness.Both(t,
				func() error { return harness.Send(c, uint64(i), 100_000) },
				func() error { return harness.Receive(c, uint64(i), 100_000) })
		}
		for _, l := range p.Lines(10) {
			if l.In != 100_001 || l.Out != 100_001 {
				t.Errorf("session line %+v", l)
			}
		}
		p.Gone(5 * time.Second)
	})
}

// busy are the workers whose titles show sessions.
func busy(p *harness.Plug) (found []harness.Process) {
	for _, w := range p.Workers() {
		if strings.Contains(w.Title, " > ") || strings.Contains(w.Title, "pool") && !strings.Contains(w.Title, "(0 sessions)") {
			found = append(found, w)
		}
	}
	return found
}

// kill $(cat pidfile), as admins of 2.5 do: everything ends, and every session
// has its line.
func TestKillAllOfPidfile(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartDaemon(t, mode, "-l", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 10)
		p.Lists(held)
		for _, pid := range p.PIDs() {
			syscall.Kill(pid, syscall.SIGTERM)
		}
		for _, c := range held {
			harness.HungUp(c)
		}
		p.Freed()
		p.Gone(5 * time.Second)
		for _, l := range p.Lines(10) {
			if l.In != 1 || l.Out != 1 {
				t.Errorf("session line %+v", l)
			}
		}
	})
}

// INT ends all sessions and everything else; in the foreground the started
// process exits with 0.
func TestIntEndsAll(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 10)
		p.Signal(syscall.SIGINT)
		for _, c := range held {
			if err := harness.HungUp(c); err != nil {
				t.Error(err)
			}
		}
		if code := p.Wait(5 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.Freed()
		p.Gone(2 * time.Second)
		p.Lines(10)
	})
}

// QUIT frees the port and waits for the sessions.
func TestQuitDrains(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 5)
		p.Signal(syscall.SIGQUIT)
		harness.Await(t, "the port to be free", harness.NormalWait, func() bool { return !harness.Listening(t, p.Port) })
		for i, c := range held {
			harness.MustPing(t, c)
			if p.HasExited() || !harness.IsOf(p.Master, p.Bin) {
				t.Fatalf("the master ended with %d sessions left", len(held)-i)
			}
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
		if code := p.Wait(5 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p.Freed()
		p.Gone(2 * time.Second)
		p.Lines(5)
	})
}

// With --drain-timeout it waits no longer than that.
func TestQuitDrainTimeout(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, "--drain-timeout", "1s", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 5)
		began := time.Now()
		p.Signal(syscall.SIGQUIT)
		if code := p.Wait(6 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if took := time.Since(began); took < 900*time.Millisecond {
			t.Errorf("it waited only %v", took)
		}
		for _, c := range held {
			harness.HungUp(c)
		}
		p.Gone(2 * time.Second)
		p.Lines(5)
	})
}

// TTOU and TTIN: clients of a paused plug wait; they are not refused.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Echo)
		p := harness.Start(t, mode, b.Addr())
		old := harness.Dial(t, p.Addr())
		harness.MustPing(t, old)
		for round := range 3 {
			p.Signal(syscall.SIGTTOU)
			waiting := p.Waits()
			accepted := b.Accepted.Load()
			harness.MustPing(t, old)
			if n := b.Accepted.Load(); n != accepted {
				t.Errorf("round %d: %d sessions while paused", round, n-accepted)
			}
			p.Signal(syscall.SIGTTIN)
			harness.IsServed(t, waiting)
			harness.Finish(waiting)
		}
	})
}

// HUP and USR1 end nothing.
func TestReopenSignalsHarmNothing(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartDaemon(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 5)
		for range 20 {
			for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
				p.Signal(s)
				c := harness.Dial(t, p.Addr())
				harness.MustPing(t, c)
				harness.Finish(c)
			}
		}
		for _, c := range held {
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		p.Lines(45)
		if !p.Serves() {
			t.Error("it serves no more")
		}
	})
}

// Ctrl-C in a terminal sends INT to a whole process group; the shepherd passes
// it on, once.
func TestControlC(t *testing.T) {
	t.Parallel()
	p := harness.Prepare(t, "prefork", "-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Launch(func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} })
	harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
	held := harness.Hold(t, p, 3)
	syscall.Kill(-p.Cmd.Process.Pid, syscall.SIGINT)
	if code := p.Wait(5 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, c := range held {
		harness.HungUp(c)
	}
	p.Freed()
	p.Gone(2 * time.Second)
	p.Lines(3)
}
