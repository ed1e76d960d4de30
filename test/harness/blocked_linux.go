// Harness: pipes, sockets and terminals that take nothing more.

package harness

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// StuckPipe makes a full pipe, like one whose reader is busy.
func StuckPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	t.Cleanup(func() { w.Close() })
	Fill(t, int(w.Fd()))
	return r, w
}

// Fill writes to a descriptor until it is full, and restores its flags.
func Fill(t testing.TB, fd int) {
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

// GoesOn checks that a plug with a blocked descriptor serves: a held session
// and new ones, the control socket, and an end by TERM.
func GoesOn(t testing.TB, p *Plug, held func() error) {
	t.Helper()
	for range 20 {
		if err := held(); err != nil {
			t.Fatalf("a session beside: %v", err)
		}
		c := Dial(t, p.Addr())
		MustPing(t, c)
		if err := Finish(c); err != nil {
			t.Fatalf("a new session: %v", err)
		}
	}
	if s := p.CtlJSON("status").Status; s.Phase != "running" || s.Paused {
		t.Errorf("status %+v", s)
	}
}

// EndsByTerm checks that TERM ends the daemon in time.
func EndsByTerm(t testing.TB, p *Plug) {
	t.Helper()
	began := time.Now()
	p.Signal(syscall.SIGTERM)
	Await(t, "the master's end", LongWait, func() bool { return !IsOf(p.Master, p.Bin) })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("TERM took %v", took)
	}
}

// HeldBy holds a session, and returns a function that checks whether it
// continues.
func HeldBy(t testing.TB, p *Plug) func() error {
	t.Helper()
	c := Hold(t, p, 1)[0]
	return func() error {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		return Ping(c)
	}
}

// UnreadEnds are the kinds of stderr and stdout that another user may leave
// unread: each gives a full one, and a function that reads its content.
var UnreadEnds = map[string]func(t *testing.T) (end *os.File, read func() string){
	"pipe": func(t *testing.T) (*os.File, func() string) {
		r, w := StuckPipe(t)
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
		Fill(t, int(theirs.Fd()))
		return theirs, reader(ours)
	},
	"stopped terminal": func(t *testing.T) (*os.File, func() string) {
		screen, terminal := OpenTerminal(t)
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
		r, w := StuckPipe(t)
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

// AsUser makes a plug run as another user than the one that made its
// descriptors.
func AsUser(name string, c *exec.Cmd) {
	if name == "another user's pipe" {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// OpenTo gives all users access to a plug's directory.
func (p *Plug) OpenTo(t testing.TB) {
	t.Helper()
	MakeWritable(t, p.Dir)
	for _, f := range []string{p.Bin, p.Syslog.Path} {
		os.Chmod(f, 0o777)
	}
}

// OpenTerminal makes a terminal: its output can be read from screen.
func OpenTerminal(t testing.TB) (screen, terminal *os.File) {
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
