// Tests of a plug on a terminal.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal: its output can be read from screen.
func openTerminal(t testing.TB) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("a terminal: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}

// onTerminal starts a prepared plug as the foreground process of a terminal.
func (p *plug) onTerminal(terminal *os.File) {
	p.t.Helper()
	p.launch(func(c *exec.Cmd) {
		c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	})
	await(p.t, "the plug to serve", serveBound, p.serves)
}

// A terminal that stops background processes which write to it (stty tostop):
// the master and the workers are background processes, and for the master TTOU
// is a pause.
func TestTostop(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		screen, terminal := openTerminal(t)
		attributes, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		attributes.Lflag |= unix.TOSTOP
		if err := unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, attributes); err != nil {
			t.Fatal(err)
		}
		p := prepare(t, mode, "-d", "--control", "ctl", serve(t, anywhere, echo).addr())
		p.onTerminal(terminal)
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
		p.signal(syscall.SIGHUP) // the master logs a warning
		cycle(t, p)              // a worker logs
		select {
		case text := <-seen:
			if !strings.Contains(text, "reload") {
				t.Errorf("on the terminal: %q", text)
			}
		case <-time.After(10 * time.Second):
			t.Error("neither the master's warning nor a worker's line is on the terminal")
		}
		if s := p.ctlJSON("status").Status; s.Paused {
			t.Error("it has paused itself")
		}
		before := cpu(p.master)
		passed(300 * time.Millisecond) // the time that is measured
		if used := cpu(p.master) - before; used > 150*time.Millisecond {
			t.Errorf("the master has used %v of CPU time in 300 ms", used)
		}
		cycle(t, p)
		p.signal(syscall.SIGTTOU) // an admin's TTOU still pauses
		await(t, "the pause", normalWait, func() bool { return p.ctlJSON("status").Status.Paused })
		p.signal(syscall.SIGTTIN)
		cycle(t, p)
	})
}

// Signals from a terminal are ignored by a worker; QUIT and ABRT end its
// sessions like TERM, each with its line, and without their own exit status.
func TestWorkerTerminalSignals(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, "--control", "ctl", serve(t, anywhere, echo).addr())
		sessionPID := func() (pid int) {
			await(t, "the session to be listed", normalWait, func() bool {
				all := p.ctlJSON("sessions").Sessions
				if len(all) == 1 {
					pid = all[0].PID
				}
				return len(all) == 1
			})
			return pid
		}
		lines := 0
		for _, deadly := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
			c := hold(t, p, 1)[0]
			pid := sessionPID()
			for _, s := range []syscall.Signal{syscall.SIGTTOU, syscall.SIGTTIN, syscall.SIGTSTP} {
				syscall.Kill(pid, s)
				mustPing(t, c)
			}
			syscall.Kill(pid, deadly)
			if err := hungUp(c); err != nil {
				t.Errorf("%v: %v", deadly, err)
			}
			lines++
			if l := last(p.lines(lines), 1)[0]; l.pid != pid {
				t.Errorf("%v to %d: line %+v", deadly, pid, l)
			}
			said := fmt.Sprintf("killed by signal %d", deadly)
			if isPortable() {
				said = "killed by signal 15"
			}
			await(t, said, normalWait, func() bool { return strings.Contains(p.errors(), said) })
		}
		// Without a master the worker writes the line itself.
		c := hold(t, p, 1)[0]
		pid := sessionPID()
		p.signal(syscall.SIGTERM)
		p.wait(10 * time.Second)
		await(t, "the worker to notice", normalWait, func() bool {
			return mask(t, pid, "SigCgt")&(1<<(syscall.SIGQUIT-1)) != 0
		})
		mustPing(t, c)
		syscall.Kill(pid, syscall.SIGQUIT)
		if err := hungUp(c); err != nil {
			t.Error(err)
		}
		if l := last(p.lines(lines+1), 1)[0]; l.pid != pid {
			t.Errorf("QUIT to %d without a master: line %+v", pid, l)
		}
		if strings.Contains(p.errors(), "goroutine ") {
			t.Errorf("stderr: %s", p.errors())
		}
	})
}
