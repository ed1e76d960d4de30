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

// stuckPipe makes a pipe that takes nothing more, as one whose reader is busy.
func stuckPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	t.Cleanup(func() { w.Close() })
	fill(t, int(w.Fd()))
	return r, w
}

// fill writes to a descriptor until it takes nothing more. It is left as it was.
func fill(t testing.TB, fd int) {
	t.Helper()
	unix.SetNonblock(fd, true)
	defer unix.SetNonblock(fd, false)
	for size := 4096; size > 0; size /= 2 {
		for {
			if _, err := unix.Write(fd, []byte(strings.Repeat("x", size-1)+"\n")); err != nil {
				if err != unix.EAGAIN {
					t.Fatalf("fill %d: %v", fd, err)
				}
				break
			}
		}
	}
}

// goesOn checks that a plug one of whose descriptors is blocked serves: a held
// session and new ones, the control socket, and an end by TERM.
func goesOn(t testing.TB, p *plug, held func() error) {
	t.Helper()
	for range 20 {
		if err := held(); err != nil {
			t.Fatalf("a session beside: %v", err)
		}
		c := dial(t, p.addr())
		mustPing(t, c)
		if err := finish(c); err != nil {
			t.Fatalf("a new session: %v", err)
		}
	}
	if s := p.ctlJSON("status").Status; s.Phase != "running" || s.Paused {
		t.Errorf("status %+v", s)
	}
}

// endsByTerm checks that TERM ends the daemon in time.
func endsByTerm(t testing.TB, p *plug) {
	t.Helper()
	began := time.Now()
	p.signal(syscall.SIGTERM)
	await(t, "the master's end", 10*time.Second, func() bool { return !isOf(p.master, p.bin) })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("TERM took %v", took)
	}
}

// heldBy is a session that is held, and can be asked whether it goes on.
func heldBy(t testing.TB, p *plug) func() error {
	t.Helper()
	c := hold(t, p, 1)[0]
	return func() error {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		return ping(c)
	}
}

// ends are the kinds of stderr and stdout that somebody else may leave unread:
// each gives one that takes nothing, and a function that reads what comes.
var unread = map[string]func(t *testing.T) (end *os.File, read func() string){
	"pipe": func(t *testing.T) (*os.File, func() string) {
		r, w := stuckPipe(t)
		return w, reader(r)
	},
	"socket": func(t *testing.T) (*os.File, func() string) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
		t.Cleanup(func() { ours.Close() })
		t.Cleanup(func() { theirs.Close() })
		fill(t, int(theirs.Fd()))
		return theirs, reader(ours)
	},
	"stopped terminal": func(t *testing.T) (*os.File, func() string) {
		screen, terminal := openTerminal(t)
		if err := unix.IoctlSetInt(int(terminal.Fd()), unix.TCXONC, unix.TCOOFF); err != nil {
			t.Fatal(err)
		}
		return terminal, func() string {
			unix.IoctlSetInt(int(terminal.Fd()), unix.TCXONC, unix.TCOON)
			return reader(screen)()
		}
	},
	"another user's pipe": func(t *testing.T) (*os.File, func() string) {
		if os.Getuid() != 0 {
			t.Skip("needs root")
		}
		r, w := stuckPipe(t)
		return w, reader(r)
	},
}

// reader reads what there is, for as long as more comes within a moment.
func reader(r *os.File) func() string {
	return func() string {
		var text strings.Builder
		texts := make(chan string)
		go func() {
			buffer := make([]byte, 1<<16)
			for {
				n, err := r.Read(buffer)
				if n > 0 {
					texts <- string(buffer[:n])
				}
				if err != nil {
					close(texts)
					return
				}
			}
		}()
		for {
			select {
			case s, ok := <-texts:
				text.WriteString(s)
				if !ok {
					return text.String()
				}
			case <-time.After(2500 * time.Millisecond): // longer than the second in which losses are told
				return text.String()
			}
		}
	}
}

// asUser has a plug run as another user than who has made its descriptors.
func asUser(name string, c *exec.Cmd) {
	if name == "another user's pipe" {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// openTo lets everybody use a plug's directory.
func (p *plug) openTo(t testing.TB) {
	t.Helper()
	makeWritable(t, p.dir)
	for _, f := range []string{p.bin, p.syslog.path} {
		os.Chmod(f, 0o777)
	}
}

var logLinesLost = regexp.MustCompile(`log lines lost: lines=\d+`)

// A stderr that nobody reads holds no session up. Its lines are dropped and
// counted, and the count is logged when somebody reads again.
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
				p.ctlText("log-level", "1") // upon a running plug
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

// A pipe for session lines that nobody reads holds no session up; the lines wait,
// and each is there when it is read.
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

// fillScribe fills the pipe of a scribe that itself waits.
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
				for range 3 { // what the scribe has taken leaves room
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
// when the reader goes later, that is an error in the log, and HUP and USR1 hold
// nothing up.
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
		if code := q.wait(5 * time.Second); code != 4 || !strings.Contains(q.errors(), "no process reads") {
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
		await(t, "a line", 5*time.Second, func() bool {
			n, err := r.Read(buffer)
			return (err == nil || errors.Is(err, io.EOF)) && strings.Contains(string(buffer[:n]), "plug[")
		})
		r.Close()
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGHUP} {
			p.signal(s)
		}
		p.syslog.await(t, ".*reopen: .*no process reads")
		if r := p.ctlTry("reopen"); r.status != 1 || !strings.Contains(r.stderr, "no process reads") {
			t.Errorf("plugctl reopen: %+v", r)
		}
		goesOn(t, p, held)
		p.syslog.await(t, ".*session file .*Broken pipe")
		endsByTerm(t, p)
	})
}

// -S - into a file: when somebody empties it, as copytruncate does, and when a
// line finds no room, no NULs are left before the next line.
func TestStdoutFileIsAppended(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := prepare(t, mode, "-n", "-S", "-", serve(t, anywhere, echo).addr())
		out, err := os.OpenFile(p.stdout, os.O_CREATE|os.O_WRONLY, 0o644) // as a shell's > does
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p.launch(func(c *exec.Cmd) { c.Stdout = out })
		await(t, "the plug to serve", serveBound, p.serves)
		p.sessions = p.stdout
		for range 3 {
			cycle(t, p)
		}
		p.lines(3)
		if err := os.Truncate(p.stdout, 0); err != nil {
			t.Fatal(err)
		}
		cycle(t, p)
		p.lines(1)
		if text := readString(p.stdout); strings.Contains(text, "\x00") {
			t.Errorf("NULs: %q", text)
		}
	})
}

// Sessions that have ended are neither listed, nor ended by kill, nor missing from
// the counters, while their lines wait for a full disk.
func TestEndedSessionsOfFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, withControl("-S", "/dev/full", serve(t, anywhere, echo).addr())...)
		held := heldBy(t, p)
		const n = 5
		for range n {
			cycle(t, p)
		}
		await(t, "the sessions to be counted", 5*time.Second, func() bool {
			m := p.ctlJSON("status").Status
			return m.Accepted == n+1 && m.Sessions == 1
		})
		if all := p.ctlJSON("sessions").Sessions; len(all) != 1 {
			t.Errorf("listed: %+v", all)
		}
		if ended := p.asks("metrics", nil).Metrics.Ended.of("complete"); ended != n {
			t.Errorf("%d sessions are counted as complete, not %d", ended, n)
		}
		if err := held(); err != nil {
			t.Error(err)
		}
	})
}

// A disk that is away, as a dead network's is, holds up neither sessions nor
// signals, though the session file and the pidfile are on it. When it is back
// every line is there.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		disk := mountFuse(t)
		target := serve(t, anywhere, echo).addr()
		p := prepare(t, mode, withControl("-P", disk.dir+"/pid", "-S", disk.dir+"/sessions", target)...)
		p.pidfile, p.sessions = disk.dir+"/pid", disk.dir+"/sessions"
		p.detach()
		held := heldBy(t, p)
		lines := func() int { return strings.Count(disk.content("sessions"), "\n") }
		cycle(t, p)
		await(t, "the first line", 5*time.Second, func() bool { return lines() == 1 })
		back := make(chan struct{})
		disk.away.Lock()
		t.Cleanup(func() {
			select {
			case <-back:
			default:
				disk.away.Unlock()
			}
		})
		goesOn(t, p, held)
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
			p.signal(s)
		}
		goesOn(t, p, held)
		p.syslog.await(t, ".*session file: its file system does not answer")
		close(back)
		disk.away.Unlock()
		await(t, "the lines of the time when the disk was away", 10*time.Second, func() bool { return lines() == 41 })
		disk.away.Lock()
		endsByTerm(t, p)
		disk.away.Unlock()
		if err := held(); err != nil {
			t.Errorf("the held session: %v", err)
		}

		disk.away.Lock()
		q := prepare(t, mode, "-S", disk.dir+"/other", target)
		q.daemon = true
		q.launch()
		if code := q.wait(10 * time.Second); code != 4 || !strings.Contains(q.errors(), "does not answer") {
			t.Errorf("exit %d: %q", code, q.errors())
		}
		disk.away.Unlock()
	})
}

// Lines that wait when the plug is told to stop: the master tries for a second
// more, and a worker without a master for some after its last session.
func TestWaitingLinesAtTheEnd(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		r, w := stuckPipe(t)
		p := prepare(t, mode, withControl("-n", "-S", "-", serve(t, anywhere, echo).addr())...)
		p.launch(func(c *exec.Cmd) { c.Stdout = w })
		await(t, "the plug to serve", serveBound, p.serves)
		held := hold(t, p, 1)[0]
		const n = 3
		for range n {
			cycle(t, p)
		}
		await(t, "the sessions to be counted", 5*time.Second, func() bool { return p.ctlJSON("status").Status.Sessions == 1 })
		p.signal(syscall.SIGTERM)
		var text strings.Builder
		lines := func() int {
			buffer := make([]byte, 1<<16)
			for {
				r.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
				n, err := r.Read(buffer)
				text.Write(buffer[:n])
				if err != nil {
					return strings.Count(text.String(), "plug[")
				}
			}
		}
		await(t, "the lines that waited", 8*time.Second, func() bool { return lines() == n })
		p.wait(5 * time.Second)
		fill(t, int(w.Fd()))
		if err := finish(held); err != nil {
			t.Error(err)
		}
		for range 20 { // it tries, and stays
			if len(p.procs()) == 0 {
				t.Fatal("the worker has ended with an unwritten line")
			}
			passed(50 * time.Millisecond)
		}
		await(t, "the line of the last session", 5*time.Second, func() bool { return lines() == n+1 })
		p.gone(5 * time.Second)
	})
}

// A start that fails ends though nobody reads why.
func TestFailedStartWithBlockedStderr(t *testing.T) {
	t.Parallel()
	_, w := stuckPipe(t)
	p := prepare(t, "prefork", "-n", "-S", "/no/such/directory/sessions", serve(t, anywhere, echo).addr())
	p.launch(func(c *exec.Cmd) { c.Stderr = w })
	if code := p.wait(8 * time.Second); code != 4 {
		t.Errorf("exit %d", code)
	}
}
