// Tests of two masters, and of pidfiles that cannot be written.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refused checks a failed start: code 4, a reason on stderr that contains each
// of the words, no process and no open port.
func (p *plug) refused(words ...string) {
	p.t.Helper()
	if code := p.wait(serveBound); code != 4 {
		p.t.Errorf("%q exits with %d, not 4", p.cmd.Args, code)
	}
	for _, w := range words {
		if !strings.Contains(p.errors(), w) {
			p.t.Errorf("stderr does not name %s: %q", w, p.errors())
		}
	}
	if !holdsWithin(time.Second, func() bool { return len(p.procs()) == 0 }) {
		p.t.Errorf("a failed start leaves processes: %v", p.procs())
	}
	// A program that the test is starting also has its listeners until it
	// calls exec.
	if !holdsWithin(time.Second, func() bool { return !listening(p.t, p.port) }) {
		p.t.Errorf("a failed start leaves port %d open", p.port)
	}
}

func TestSecondMaster(t *testing.T) {
	t.Parallel()
	for _, foreground := range []bool{true, false} {
		t.Run(fmt.Sprintf("foreground=%v", foreground), func(t *testing.T) {
			first := startDaemon(t, "prefork", refusing(t))
			args := []string{"-P", first.pidfile, refusing(t)}
			if foreground {
				args = append(args, "-n")
			}
			second := prepare(t, "prefork", args...)
			second.launch()
			second.refused(strconv.Itoa(first.master), first.pidfile)
			if pids := first.pids(); pids[0] != first.master {
				t.Errorf("the pidfile now names %v", pids)
			}
		})
	}
}

// Of two masters that start at the same time with one pidfile, one serves and
// the other one names it.
func TestTwoMastersAtOnce(t *testing.T) {
	t.Parallel()
	for range count(200) {
		a := prepare(t, "prefork", "--spares", "1:1", refusing(t))
		b := prepare(t, "prefork", "--spares", "1:1", "-P", a.pidfile, refusing(t))
		a.daemon, b.daemon = true, true
		a.launch()
		b.launch()
		won, lost := a, b
		if a.wait(serveBound) != 0 {
			won, lost = b, a
		}
		if code := won.wait(serveBound); code != 0 {
			t.Fatalf("both failed: %q %q", a.errors(), b.errors())
		}
		won.pidfile = a.pidfile
		if !won.serves() {
			t.Fatalf("the winner does not serve; pidfile %q", readString(a.pidfile))
		}
		lost.refused(strconv.Itoa(won.master))
		won.stop()
		if t.Failed() {
			return
		}
	}
}

func TestUnwritablePidfile(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		filepath.Join(dir, "missing", "pid"),
		filepath.Join(file, "pid"),
		dir,
	} {
		for _, n := range []string{"--spares=1:2", "-n"} {
			p := prepare(t, "prefork", "-P", path, n, refusing(t))
			p.launch()
			p.refused(path)
		}
	}
}

// as runs a command as an unprivileged user.
func as(uid uint32) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
}

const nobody = 65534

// In a directory that the daemon cannot write, with a file that it can, it
// rewrites the file in place.
func TestUnwritableDirectory(t *testing.T) {
	needRoot(t)
	p := prepare(t, "prefork", serve(t, anywhere, echo).addr())
	for _, path := range []string{p.pidfile, p.sessions} {
		if err := os.WriteFile(path, []byte("12345678\n99\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		makeWritable(t, path)
	}
	if err := os.Truncate(p.sessions, 0); err != nil {
		t.Fatal(err)
	}
	p.daemon = true
	for range 2 { // the second one finds the file of the first
		p.launch(as(nobody))
		if code := p.wait(serveBound); code != 0 {
			t.Fatalf("exits with %d: %s", code, p.errors())
		}
		if !p.serves() {
			t.Fatalf("does not serve; pidfile %q", readString(p.pidfile))
		}
		held := hold(t, p, 5)
		p.lists(held)
		for _, c := range held {
			if err := finish(c); err != nil {
				t.Fatal(err)
			}
		}
		p.carriers(0)
		p.stop()
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to be another user")
	}
}

// A file that the user may not write, in a directory that the user may not
// write.
func TestUnwritableFile(t *testing.T) {
	needRoot(t)
	p := prepare(t, "prefork", "-S", "/dev/null", refusing(t))
	if err := os.WriteFile(p.pidfile, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p.launch(as(nobody))
	p.refused(p.pidfile)
}
