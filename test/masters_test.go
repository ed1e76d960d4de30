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

	"daemon/plug/test/harness"
)

// refused checks a failed start: code 4, a reason on stderr that contains each
// of the words, no process and no open port.
func refused(p *harness.Plug, words ...string) {
	p.T.Helper()
	if code := p.Wait(harness.ServeBound); code != 4 {
		p.T.Errorf("%q exits with %d, not 4", p.Cmd.Args, code)
	}
	for _, w := range words {
		if !strings.Contains(p.Errors(), w) {
			p.T.Errorf("stderr does not name %s: %q", w, p.Errors())
		}
	}
	if !harness.HoldsWithin(time.Second, func() bool { return len(p.Procs()) == 0 }) {
		p.T.Errorf("a failed start leaves processes: %v", p.Procs())
	}
	// A program that the test is starting also has its listeners until it
	// calls exec.
	if !harness.HoldsWithin(time.Second, func() bool { return !harness.Listening(p.T, p.Port) }) {
		p.T.Errorf("a failed start leaves port %d open", p.Port)
	}
}

func TestSecondMaster(t *testing.T) {
	t.Parallel()
	for _, foreground := range []bool{true, false} {
		t.Run(fmt.Sprintf("foreground=%v", foreground), func(t *testing.T) {
			first := harness.StartDaemon(t, "prefork", harness.Refusing(t))
			args := []string{"-P", first.Pidfile, harness.Refusing(t)}
			if foreground {
				args = append(args, "-n")
			}
			second := harness.Prepare(t, "prefork", args...)
			second.Launch()
			refused(second, strconv.Itoa(first.Master), first.Pidfile)
			if pids := first.PIDs(); pids[0] != first.Master {
				t.Errorf("the pidfile now names %v", pids)
			}
		})
	}
}

// Of two masters that start at the same time with one pidfile, one serves and
// the other one names it.
func TestTwoMastersAtOnce(t *testing.T) {
	t.Parallel()
	for range harness.Count(200) {
		a := harness.Prepare(t, "prefork", "--spares", "1:1", harness.Refusing(t))
		b := harness.Prepare(t, "prefork", "--spares", "1:1", "-P", a.Pidfile, harness.Refusing(t))
		a.Daemon, b.Daemon = true, true
		a.Launch()
		b.Launch()
		won, lost := a, b
		if a.Wait(harness.ServeBound) != 0 {
			won, lost = b, a
		}
		if code := won.Wait(harness.ServeBound); code != 0 {
			t.Fatalf("both failed: %q %q", a.Errors(), b.Errors())
		}
		won.Pidfile = a.Pidfile
		if !won.Serves() {
			t.Fatalf("the winner does not serve; pidfile %q", harness.ReadString(a.Pidfile))
		}
		refused(lost, strconv.Itoa(won.Master))
		won.Stop()
		if t.Failed() {
			return
		}
	}
}

func TestUnwritablePidfile(t *testing.T) {
	t.Parallel()
	dir := harness.OpenDir(t)
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
			p := harness.Prepare(t, "prefork", "-P", path, n, harness.Refusing(t))
			p.Launch()
			refused(p, path)
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
	t.Parallel()
	harness.NeedRoot(t)
	p := harness.Prepare(t, "prefork", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	for _, path := range []string{p.Pidfile, p.Sessions} {
		if err := os.WriteFile(path, []byte("12345678\n99\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		harness.MakeWritable(t, path)
	}
	if err := os.Truncate(p.Sessions, 0); err != nil {
		t.Fatal(err)
	}
	p.Daemon = true
	for range 2 { // the second one finds the file of the first
		p.Launch(as(nobody))
		if code := p.Wait(harness.ServeBound); code != 0 {
			t.Fatalf("exits with %d: %s", code, p.Errors())
		}
		if !p.Serves() {
			t.Fatalf("does not serve; pidfile %q", harness.ReadString(p.Pidfile))
		}
		held := harness.Hold(t, p, 5)
		p.Lists(held)
		for _, c := range held {
			if err := harness.Finish(c); err != nil {
				t.Fatal(err)
			}
		}
		p.Carriers(0)
		p.Stop()
	}
}

// A file that the user may not write, in a directory that the user may not
// write.
func TestUnwritableFile(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	p := harness.Prepare(t, "prefork", "-S", "/dev/null", harness.Refusing(t))
	if err := os.WriteFile(p.Pidfile, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p.Launch(as(nobody))
	refused(p, p.Pidfile)
}
