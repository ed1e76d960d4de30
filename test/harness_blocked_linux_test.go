// Harness: pipes, sockets and terminals that take nothing more.

package test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuckPipe makes a full pipe, like one whose reader is busy.
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

// fill writes to a descriptor until it is full, and restores its flags.
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

// goesOn checks that a plug with a blocked descriptor serves: a held session
// and new ones, the control socket, and an end by TERM.
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
	await(t, "the master's end", longWait, func() bool { return !isOf(p.master, p.bin) })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("TERM took %v", took)
	}
}

// heldBy holds a session, and returns a function that checks whether it
// continues.
func heldBy(t testing.TB, p *plug) func() error {
	t.Helper()
	c := hold(t, p, 1)[0]
	return func() error {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		return ping(c)
	}
}

// unread are the kinds of stderr and stdout that another user may leave
// unread: each gives a full one, and a function that reads its content.
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

// reader reads the content, until no more comes for a short time.
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
			case <-time.After(2500 * time.Millisecond): // longer than the second in which losses are logged
				return text.String()
			}
		}
	}
}

// asUser makes a plug run as another user than the one that made its
// descriptors.
func asUser(name string, c *exec.Cmd) {
	if name == "another user's pipe" {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// openTo gives all users access to a plug's directory.
func (p *plug) openTo(t testing.TB) {
	t.Helper()
	makeWritable(t, p.dir)
	for _, f := range []string{p.bin, p.syslog.path} {
		os.Chmod(f, 0o777)
	}
}
