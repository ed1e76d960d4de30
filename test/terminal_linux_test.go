// Tests of a plug on a terminal.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

// onTerminal starts a prepared plug as the foreground process of a terminal.
func onTerminal(p *harness.Plug, terminal *os.File) {
	p.T.Helper()
	p.Launch(func(c *exec.Cmd) {
		c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	})
	harness.Await(p.T, "the plug to serve", harness.ServeBound, p.Serves)
}

// A terminal that stops background processes which write to it (stty tostop):
// the master and the workers are background processes, and for the master TTOU
// is a pause.
func TestTostop(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		screen, terminal := harness.OpenTerminal(t)
		attributes, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		attributes.Lflag |= unix.TOSTOP
		if err := unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, attributes); err != nil {
			t.Fatal(err)
		}
		p := harness.Prepare(t, mode, "-d", "--control", "ctl", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		onTerminal(p, terminal)
		seen := make(chan string, 1)
		go func() {
			var text strings.Builder
			buffer := make([]byte, 4096)
			for {
				n, err := screen.Read(buffer)
				text.Write(buffer[:n])
				if err != nil || strings.Contains(text.String(), "session ended") && strings.Contains(text.String(), "reload") {
					seen <- text.String()
					return
				}
			}
		}()
		p.Signal(syscall.SIGHUP)   // the master logs a warning
		harness.ShortSession(t, p) // a worker logs
		select {
		case text := <-seen:
			if !strings.Contains(text, "reload") {
				t.Errorf("on the terminal: %q", text)
			}
		case <-time.After(10 * time.Second):
			t.Error("neither the master's warning nor a worker's line is on the terminal")
		}
		if s := p.CtlJSON("status").Status; s.Paused {
			t.Error("it has paused itself")
		}
		before := harness.CPU(p.Master)
		harness.Passed(300 * time.Millisecond) // the time that is measured
		if used := harness.CPU(p.Master) - before; used > 150*time.Millisecond {
			t.Errorf("the master has used %v of CPU time in 300 ms", used)
		}
		harness.ShortSession(t, p)
		p.Signal(syscall.SIGTTOU) // an admin's TTOU still pauses
		harness.Await(t, "the pause", harness.NormalWait, func() bool { return p.CtlJSON("status").Status.Paused })
		p.Signal(syscall.SIGTTIN)
		harness.ShortSession(t, p)
	})
}

// Signals from a terminal are ignored by a worker; QUIT and ABRT end its
// sessions like TERM, each with its line, and without their own exit status.
func TestWorkerTerminalSignals(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, "--control", "ctl", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		sessionPID := func() (pid int) {
			harness.Await(t, "the session to be listed", harness.NormalWait, func() bool {
				all := p.CtlJSON("sessions").Sessions
				if len(all) == 1 {
					pid = all[0].PID
				}
				return len(all) == 1
			})
			return pid
		}
		lines := 0
		for _, deadly := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
			c := harness.Hold(t, p, 1)[0]
			pid := sessionPID()
			for _, s := range []syscall.Signal{syscall.SIGTTOU, syscall.SIGTTIN, syscall.SIGTSTP} {
				syscall.Kill(pid, s)
				harness.MustPing(t, c)
			}
			syscall.Kill(pid, deadly)
			if err := harness.HungUp(c); err != nil {
				t.Errorf("%v: %v", deadly, err)
			}
			lines++
			if l := harness.Last(p.Lines(lines), 1)[0]; l.PID != pid {
				t.Errorf("%v to %d: line %+v", deadly, pid, l)
			}
			said := fmt.Sprintf("killed by signal %d", deadly)
			if harness.IsPortable() {
				said = "killed by signal 15"
			}
			harness.Await(t, said, harness.NormalWait, func() bool { return strings.Contains(p.Errors(), said) })
		}
		// Without a master the worker writes the line itself.
		c := harness.Hold(t, p, 1)[0]
		pid := sessionPID()
		p.Signal(syscall.SIGTERM)
		p.Wait(10 * time.Second)
		harness.Await(t, "the worker to notice", harness.NormalWait, func() bool {
			return harness.SignalMask(t, pid, "SigCgt")&(1<<(syscall.SIGQUIT-1)) != 0
		})
		harness.MustPing(t, c)
		syscall.Kill(pid, syscall.SIGQUIT)
		if err := harness.HungUp(c); err != nil {
			t.Error(err)
		}
		if l := harness.Last(p.Lines(lines+1), 1)[0]; l.PID != pid {
			t.Errorf("QUIT to %d without a master: line %+v", pid, l)
		}
		if strings.Contains(p.Errors(), "goroutine ") {
			t.Errorf("stderr: %s", p.Errors())
		}
	})
}
