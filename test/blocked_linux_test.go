// Tests of outputs that are not read: stderr, pipes and FIFOs.

package test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var logLinesLost = regexp.MustCompile(`log lines lost: lines=\d+`)

// An unread stderr delays no session. Its lines are dropped and counted, and
// the count is logged when it is read again.
func TestBlockedStderr(t *testing.T) {
	t.Parallel()
	for name, make := range unread {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachMode(t, func(t *testing.T, mode string) {
				end, read := make(t)
				p := prepare(t, mode, withControl("-n", serve(t, anywhere, echo).addr())...)
				p.openTo(t)
				p.launch(func(c *exec.Cmd) { c.Stderr = end; asUser(name, c) })
				await(t, "the plug to serve", serveBound, p.serves)
				held := heldBy(t, p)
				p.ctlText("log-level", "1") // while the plug runs
				goesOn(t, p, held)
				if flags, err := unix.FcntlInt(end.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
					t.Errorf("flags %o of the starter's stderr: it has O_NONBLOCK", flags)
				}
				p.ctlText("log-level", "0")
				text := read()
				if name != "another user's pipe" && !logLinesLost.MatchString(text) {
					t.Errorf("no count of the lines lost in %q", tail(text, 500))
				}
				endsByTerm(t, p)
			})
		})
	}
}

// An unread pipe for session lines delays no session; the lines wait, and all
// of them are there when it is read.
func TestBlockedSessionPipe(t *testing.T) {
	t.Parallel()
	for name, make := range unread {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachMode(t, func(t *testing.T, mode string) {
				end, read := make(t)
				p := prepare(t, mode, withControl("-n", "-S", "-", serve(t, anywhere, echo).addr())...)
				p.openTo(t)
				p.launch(func(c *exec.Cmd) { c.Stdout = end; asUser(name, c) })
				await(t, "the plug to serve", serveBound, p.serves)
				held := heldBy(t, p)
				if name == "another user's pipe" {
					fillScribe(t, p)
				}
				goesOn(t, p, held)
				if m := p.ctlJSON("sessions"); len(m.Sessions) != 1 {
					t.Errorf("%d sessions are listed, 1 is held", len(m.Sessions))
				}
				text := read()
				if n := strings.Count(text, "plug["); name != "another user's pipe" && (n < 1 || n > 20) {
					t.Errorf("%d lines of 20 sessions: %q", n, tail(text, 300))
				}
				if m := p.ctlJSON("status").Status; m.Accepted != 21 || m.Sessions != 1 {
					t.Errorf("%d accepted, %d live", m.Accepted, m.Sessions)
				}
				endsByTerm(t, p)
			})
		})
	}
}

// fillScribe fills the pipe of a scribe that is itself waiting.
func fillScribe(t testing.TB, p *plug) {
	t.Helper()
	for _, q := range p.procs() {
		if strings.HasPrefix(q.title, "plug: scribe") {
			fd, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", q.pid), os.O_WRONLY|unix.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer fd.Close()
			raw, _ := fd.SyscallConn()
			raw.Control(func(n uintptr) {
				for range 3 { // the scribe may read some, which leaves room
					for {
						if _, err := unix.Write(int(n), []byte(strings.Repeat("x", 4095)+"\n")); err != nil {
							break
						}
					}
					passed(20 * time.Millisecond)
				}
			})
		}
	}
}

// -S on a FIFO: without a reader the start fails in time and leaves nothing;
// if the reader ends later, the log has an error, and HUP and USR1 delay
// nothing.
func TestFIFOWithoutReader(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		fifo := filepath.Join(openDir(t), "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		target := serve(t, anywhere, echo).addr()
		q := prepare(t, mode, "-S", fifo, target)
		q.daemon = true
		q.launch()
		if code := q.wait(5 * time.Second); code != 4 || !strings.Contains(q.errors(), "no process is reading") {
			t.Errorf("exit %d: %q", code, q.errors())
		}
		q.gone(time.Second)
		r, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		p := startDaemon(t, mode, withControl("-S", fifo, target)...)
		held := heldBy(t, p)
		cycle(t, p)
		buffer := make([]byte, 4096)
		await(t, "a line", normalWait, func() bool {
			n, err := r.Read(buffer)
			return (err == nil || errors.Is(err, io.EOF)) && strings.Contains(string(buffer[:n]), "plug[")
		})
		r.Close()
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGHUP} {
			p.signal(s)
		}
		p.syslog.await(t, ".*reopen: .*no process is reading this FIFO")
		if r := p.ctlTry("reopen"); r.status != 1 || !strings.Contains(r.stderr, "no process is reading") {
			t.Errorf("plugctl reopen: %+v", r)
		}
		goesOn(t, p, held)
		p.syslog.await(t, ".*session file .*Broken pipe")
		endsByTerm(t, p)
	})
}

// A failed start ends even if its reason is not read.
func TestFailedStartWithBlockedStderr(t *testing.T) {
	t.Parallel()
	_, w := stuckPipe(t)
	p := prepare(t, "prefork", "-n", "-S", "/no/such/directory/sessions", serve(t, anywhere, echo).addr())
	p.launch(func(c *exec.Cmd) { c.Stderr = w })
	if code := p.wait(8 * time.Second); code != 4 {
		t.Errorf("exit %d", code)
	}
}
