// Tests of the shepherd with a script as its master: signals, reaping, exit
// status.

package shepherd

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// scripted is a shepherd at work with a script as its master.
type scripted struct {
	t        *testing.T
	pid      int
	signals  chan os.Signal
	said     *os.File // the starter socket's end for masters
	shepherd *shepherd
	status   chan int
}

func newRunning(t *testing.T, script string) *scripted {
	t.Helper()
	f := newScripted(t, script)
	f.start()
	return f
}

// newScripted returns a shepherd that is not running yet.
func newScripted(t *testing.T, script string) *scripted {
	t.Helper()
	said, reader := listening(t)
	f := &scripted{t: t, signals: make(chan os.Signal, 64), said: said, status: make(chan int, 1)}
	signal.Notify(f.signals, syscall.SIGCHLD)
	t.Cleanup(func() { signal.Stop(f.signals) })
	f.pid = child(t, script)
	f.shepherd = &shepherd{master: f.pid, signals: f.signals, reader: reader}
	return f
}

// listening returns a starter socket's two ends: the one for masters, and a
// reader.
func listening(t *testing.T) (said *os.File, e *reader) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	unix.SetNonblock(pair[0], true)
	starter, said := os.NewFile(uintptr(pair[0]), "starter"), os.NewFile(uintptr(pair[1]), "said")
	t.Cleanup(func() { said.Close(); starter.Close() })
	if e, err = newReader(starter); err != nil {
		t.Fatal(err)
	}
	return said, e
}

func (f *scripted) start() {
	go func() { f.status <- f.shepherd.keep() }()
}

// says writes a master's message.
func (f *scripted) says(text string, pid int) {
	f.t.Helper()
	if _, err := fmt.Fprintf(f.said, "%s %d\n", text, pid); err != nil {
		f.t.Fatal(err)
	}
}

// ends waits for the shepherd's exit status.
func (f *scripted) ends() int {
	f.t.Helper()
	select {
	case status := <-f.status:
		return status
	case <-time.After(patience):
		f.t.Fatal("the shepherd goes on")
		return -1
	}
}

// goesOn fails if the shepherd ends soon.
func (f *scripted) goesOn() {
	f.t.Helper()
	select {
	case status := <-f.status:
		f.t.Fatalf("the shepherd has ended with %d", status)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestStatusIsTheMasters(t *testing.T) {
	for script, want := range map[string]int{
		"exit 0":      0,
		"exit 4":      4,
		"exit 255":    255,
		"kill -9 $$":  128 + 9,
		"kill -15 $$": 128 + 15,
	} {
		if got := newRunning(t, script).ends(); got != want {
			t.Errorf("%s: status %d, want %d", script, got, want)
		}
	}
}

// To a master that is not ready, TERM, INT and QUIT mean the same: to end.
func TestSignalsThatNeverWait(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		f := newRunning(t, "ulimit -c 0; exec sleep 60")
		// A shell that has not executed its program yet dies of them, too.
		f.signals <- s
		if got := f.ends(); got != 128+int(s) {
			t.Errorf("%v: status %d", s, got)
		}
	}
}

// A signal that would kill a master without handlers is kept until it is
// ready.
func TestSignalsAreKept(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		f := newRunning(t, "exec sleep 60")
		f.signals <- s
		f.goesOn()
		f.says(served, f.pid)
		if got := f.ends(); got != 128+int(s) {
			t.Errorf("%v: status %d", s, got)
		}
	}
}

// Each kept signal arrives, and afterwards all signals are relayed at once.
func TestEverySignalArrives(t *testing.T) {
	place := t.TempDir()
	f := newRunning(t, "cd "+place+`
		for s in HUP USR1 USR2 QUIT TTIN; do trap "touch $s" $s; done
		trap 'exit 5' TERM
		touch up
		while :; do sleep 0.01; done`)
	there := func(name string) func() bool {
		return func() bool {
			_, err := os.Stat(filepath.Join(place, name))
			return err == nil
		}
	}
	until(t, "the master has its handlers", there("up"))
	f.signals <- syscall.SIGHUP
	f.signals <- syscall.SIGUSR1
	f.goesOn()
	for _, name := range []string{"HUP", "USR1"} {
		if there(name)() {
			t.Errorf("%s was not kept", name)
		}
	}
	f.says(served, f.pid)
	until(t, "HUP arrives", there("HUP"))
	until(t, "USR1 arrives", there("USR1"))
	for _, s := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGQUIT, syscall.SIGTTIN} {
		f.signals <- s
	}
	for _, name := range []string{"USR2", "QUIT", "TTIN"} {
		until(t, name+" arrives", there(name))
	}
	f.signals <- syscall.SIGTERM
	if got := f.ends(); got != 5 {
		t.Errorf("status %d", got)
	}
}

// It reaps every child, but ends only with the master.
func TestReapsEverybody(t *testing.T) {
	f := newRunning(t, "exec sleep 60")
	var strays []int
	for range 20 {
		strays = append(strays, child(t, "exit 3"))
	}
	until(t, "the strays are reaped", func() bool {
		for _, pid := range strays {
			if unix.Kill(pid, 0) != unix.ESRCH {
				return false
			}
		}
		return true
	})
	f.goesOn()
	f.signals <- syscall.SIGTERM
	if got := f.ends(); got != 128+15 {
		t.Errorf("status %d", got)
	}
}

func TestResult(t *testing.T) {
	for status, want := range map[unix.WaitStatus]int{0: 0, 4 << 8: 4, 255 << 8: 255, 9: 137, 15: 143, 11 | 0x80: 139} {
		if got := result(status); got != want {
			t.Errorf("%#x: %d, want %d", status, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv(roleVariable, "service")
	t.Setenv("PLUG_ROLES", "stays")
	for _, manager := range managers {
		t.Setenv(strings.TrimSuffix(manager, "="), "1")
	}
	env := strings.Join(environment(), "\n") + "\n"
	if strings.Contains(env, roleVariable+"=") || !strings.Contains(env, "PLUG_ROLES=stays\n") || !strings.Contains(env, "GOMAXPROCS=1\n") {
		t.Errorf("environment %q", env)
	}
	for _, manager := range managers {
		if strings.Contains("\n"+env, "\n"+manager) {
			t.Errorf("the master inherits the service manager's %s", manager)
		}
	}
}

// What an admin sets for Go's runtime stays, except for what the master needs.
func TestEnvironmentOfTheRuntime(t *testing.T) {
	t.Setenv("GOMAXPROCS", "7")
	t.Setenv("GODEBUG", "netdns=go")
	var got []string
	for _, v := range environment() {
		if strings.HasPrefix(v, "GO") && (strings.HasPrefix(v, "GOMAXPROCS=") || strings.HasPrefix(v, "GODEBUG=")) {
			got = append(got, v)
		}
	}
	if want := "GOMAXPROCS=1 GODEBUG=containermaxprocs=0,updatemaxprocs=0,netdns=go"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAbsoluteName(t *testing.T) {
	before := os.Args
	defer func() { os.Args = before }()
	os.Args = []string{"sh", "-c", "x"}
	if got := argv(); !filepath.IsAbs(got[0]) || filepath.Base(got[0]) != "sh" || got[1] != "-c" || os.Args[0] != "sh" {
		t.Errorf("argv %q of %q", got, os.Args)
	}
	os.Args = []string{"no-such-program-anywhere"}
	if got := argv(); !filepath.IsAbs(got[0]) {
		t.Errorf("argv %q", got)
	}
}

func TestNoRoleNoMaster(t *testing.T) {
	for _, role := range []string{"", "worker", "Service"} {
		t.Setenv(roleVariable, role)
		if _, ok := Find(); ok {
			t.Errorf("a master by role %q", role)
		}
	}
}
