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

	"daemon/plug/test/harness"
)

var logLinesLost = regexp.MustCompile(`log lines lost: lines=\d+`)

// An unread stderr delays no session. Its lines are dropped and counted, and
// the count is logged when it is read again.
func TestBlockedStderr(t *testing.T) {
	t.Parallel()
	for name, make := range harness.UnreadEnds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				end, read := make(t)
				p := harness.Prepare(t, mode, harness.WithControl("-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				p.OpenTo(t)
				p.Launch(func(c *exec.Cmd) { c.Stderr = end; harness.AsUser(name, c) })
				harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
				held := harness.HeldBy(t, p)
				p.CtlText("log-level", "1") // while the plug runs
				harness.GoesOn(t, p, held)
				if flags, err := unix.FcntlInt(end.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
					t.Errorf("flags %o of the starter's stderr: it has O_NONBLOCK", flags)
				}
				p.CtlText("log-level", "0")
				text := read()
				if name != "another user's pipe" && !logLinesLost.MatchString(text) {
					t.Errorf("no count of the lines lost in %q", harness.Tail(text, 500))
				}
				harness.EndsByTerm(t, p)
			})
		})
	}
}

// An unread pipe for session lines delays no session; the lines wait, and all
// of them are there when it is read.
func TestBlockedSessionPipe(t *testing.T) {
	t.Parallel()
	for name, make := range harness.UnreadEnds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				end, read := make(t)
				p := harness.Prepare(t, mode, harness.WithControl("-n", "-S", "-", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				p.OpenTo(t)
				p.Launch(func(c *exec.Cmd) { c.Stdout = end; harness.AsUser(name, c) })
				harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
				held := harness.HeldBy(t, p)
				if name == "another user's pipe" {
					fillScribe(t, p)
				}
				harness.GoesOn(t, p, held)
				if m := p.CtlJSON("sessions"); len(m.Sessions) != 1 {
					t.Errorf("%d sessions are listed, 1 is held", len(m.Sessions))
				}
				text := read()
				if n := strings.Count(text, "plug["); name != "another user's pipe" && (n < 1 || n > 20) {
					t.Errorf("%d lines of 20 sessions: %q", n, harness.Tail(text, 300))
				}
				if m := p.CtlJSON("status").Status; m.Accepted != 21 || m.Sessions != 1 {
					t.Errorf("%d accepted, %d live", m.Accepted, m.Sessions)
				}
				harness.EndsByTerm(t, p)
			})
		})
	}
}

// fillScribe fills the pipe of a scribe that is itself waiting.
func fillScribe(t testing.TB, p *harness.Plug) {
	t.Helper()
	for _, q := range p.Procs() {
		if strings.HasPrefix(q.Title, "plug: scribe") {
			fd, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", q.PID), os.O_WRONLY|unix.O_NONBLOCK, 0)
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
					harness.Passed(20 * time.Millisecond)
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
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		fifo := filepath.Join(harness.OpenDir(t), "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		q := harness.Prepare(t, mode, "-S", fifo, target)
		q.Daemon = true
		q.Launch()
		if code := q.Wait(5 * time.Second); code != 4 || !strings.Contains(q.Errors(), "no process is reading") {
			t.Errorf("exit %d: %q", code, q.Errors())
		}
		q.Gone(time.Second)
		r, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		p := harness.StartDaemon(t, mode, harness.WithControl("-S", fifo, target)...)
		held := harness.HeldBy(t, p)
		harness.ShortSession(t, p)
		buffer := make([]byte, 4096)
		harness.Await(t, "a line", harness.NormalWait, func() bool {
			n, err := r.Read(buffer)
			return (err == nil || errors.Is(err, io.EOF)) && strings.Contains(string(buffer[:n]), "plug[")
		})
		r.Close()
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGHUP} {
			p.Signal(s)
		}
		p.Syslog.Await(t, ".*reopen: .*no process is reading this FIFO")
		if r := p.CtlTry("reopen"); r.Status != 1 || !strings.Contains(r.Stderr, "no process is reading") {
			t.Errorf("plugctl reopen: %+v", r)
		}
		harness.GoesOn(t, p, held)
		p.Syslog.Await(t, ".*session file .*Broken pipe")
		harness.EndsByTerm(t, p)
	})
}

// A failed start ends even if its reason is not read.
func TestFailedStartWithBlockedStderr(t *testing.T) {
	t.Parallel()
	_, w := harness.StuckPipe(t)
	p := harness.Prepare(t, "prefork", "-n", "-S", "/no/such/directory/sessions", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Launch(func(c *exec.Cmd) { c.Stderr = w })
	if code := p.Wait(8 * time.Second); code != 4 {
		t.Errorf("exit %d", code)
	}
}
