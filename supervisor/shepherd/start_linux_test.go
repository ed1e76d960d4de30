// Tests of Launch and Run with real processes.

package shepherd

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Launch returns when the daemon serves, or with its status if it ends before.
func TestLaunch(t *testing.T) {
	for name, want := range map[string]int{"unready exit 4": 4, "unready exit 0": 0, "unready killed": 4} {
		scene(t, name)
		if got := Launch(nil); got != want {
			t.Errorf("%s: status %d, want %d", name, got, want)
		}
	}
}

func TestLaunchWaitsUntilItServes(t *testing.T) {
	place := scene(t, "serve late")
	status := make(chan int, 1)
	go func() { status <- Launch(nil) }()
	if !appears(place, "started") {
		t.Fatal("no master was started")
	}
	select {
	case got := <-status:
		t.Fatalf("back before the daemon serves, with %d", got)
	case <-time.After(50 * time.Millisecond):
	}
	note(place, "go on", "")
	select {
	case got := <-status:
		if got != 0 {
			t.Errorf("status %d", got)
		}
	case <-time.After(patience):
		t.Fatal("not back though the daemon serves")
	}
	before, then, _ := strings.Cut(read(t, place, "ready"), "then\n")
	if !strings.HasPrefix(before, `leads true group true role ""`+"\n") {
		t.Errorf("the daemon: %q", before)
	}
	if _, stdio, _ := strings.Cut(then, "\n"); stdio != strings.Repeat("/dev/null\n", 3) {
		t.Errorf("its descriptors when it serves: %q", stdio)
	}
	daemon := livingChild(t)
	unix.Kill(daemon, unix.SIGTERM)
	read(t, place, "signal")
	unix.Wait4(daemon, nil, 0, nil)
}

// livingChild returns the only child (proc(5)).
func livingChild(t *testing.T) (pid int) {
	t.Helper()
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for field := range strings.FieldsSeq(string(text)) {
			if pid != 0 {
				t.Fatalf("children %d and %s", pid, field)
			}
			pid, _ = strconv.Atoi(field)
		}
	}
	if pid == 0 {
		t.Fatal("no child lives")
	}
	return pid
}

// running calls Run in a goroutine of the test.
func running(t *testing.T) <-chan int {
	t.Helper()
	status := make(chan int, 1)
	go func() { status <- Run(nil) }()
	t.Cleanup(func() {
		signal.Reset(append([]os.Signal{syscall.SIGCHLD}, relayed...)...)
		catchHangup()
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	})
	return status
}

func ends(t *testing.T, status <-chan int) int {
	t.Helper()
	select {
	case got := <-status:
		return got
	case <-time.After(patience):
		t.Fatal("the shepherd goes on")
		return -1
	}
}

// Run relays the signals of this very process, and returns the master's
// status.
func TestRun(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGTTOU} {
		place := scene(t, "serve")
		status := running(t)
		if text := read(t, place, "ready"); !strings.HasPrefix(text, `leads false group true role ""`+"\n") {
			t.Errorf("the master: %q", text)
		}
		unix.Kill(os.Getpid(), s)
		if got := ends(t, status); got != 7 {
			t.Errorf("%v: status %d", s, got)
		}
		if got := read(t, place, "signal"); got != s.String() {
			t.Errorf("%v arrived as %q", s, got)
		}
	}
}

func TestRunOfAMasterThatFails(t *testing.T) {
	for name, want := range map[string]int{"unready exit 4": 4, "unready exit 0": 0, "unready killed": 137} {
		scene(t, name)
		if got := ends(t, running(t)); got != want {
			t.Errorf("%s: status %d, want %d", name, got, want)
		}
	}
}

// A service keeps its own stdout and stderr: the service manager reads them.
func TestServiceKeepsItsOutput(t *testing.T) {
	place := scene(t, "serve")
	status := running(t)
	before, then, _ := strings.Cut(read(t, place, "ready"), "then\n")
	if before != then {
		t.Errorf("before it served %q, then %q", before, then)
	}
	unix.Kill(os.Getpid(), unix.SIGTERM)
	ends(t, status)
}

// The master notices its shepherd's end by the EOF of the starter socket.
func TestShepherdsEnd(t *testing.T) {
	place := scene(t, "serve")
	pid, starter, err := start(roleService, nil, &syscall.SysProcAttr{Setpgid: true})
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(starter).ReadString('\n'); line != fmt.Sprintf("%s %d \n", served, pid) {
		t.Fatalf("%q, %v", line, err)
	}
	starter.Close()
	read(t, place, "gone")
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 9 {
		t.Errorf("status %#x, %v", status, err)
	}
}

// While the shepherd lives, its end of the starter socket stays open, even
// though Go's collector might close a file that is no longer read.
func TestStarterOutlivesCollections(t *testing.T) {
	place := scene(t, "serve")
	status := running(t)
	read(t, place, "ready")
	for range 3 { // cleanups run after a collection
		cleaned := make(chan struct{})
		runtime.AddCleanup(new([64]byte), func(done chan struct{}) { close(done) }, cleaned)
		until(t, "a collection's cleanups have run", func() bool {
			runtime.GC()
			select {
			case <-cleaned:
				return true
			default:
				return false
			}
		})
	}
	select {
	case got := <-status:
		t.Fatalf("the master was told that its shepherd had ended; status %d", got)
	case <-time.After(50 * time.Millisecond):
	}
	unix.Kill(os.Getpid(), unix.SIGTERM)
	ends(t, status)
}

// One SIGCHLD may stand for the master and other children.
func TestMasterAmongTheDead(t *testing.T) {
	var pids []int
	for range 10 {
		pids = append(pids, child(t, "exit 1"))
	}
	pids = append(pids, child(t, "exit 6"))
	for range 10 {
		pids = append(pids, child(t, "exit 1"))
	}
	for _, pid := range pids {
		until(t, "all are dead", func() bool { return zombie(pid) })
	}
	_, silence := listening(t)
	h := &shepherd{master: pids[10], reader: silence}
	status, ended := h.reap()
	if status != 6 || !ended {
		t.Errorf("status %d, ended %v", status, ended)
	}
	if status, ended = h.reap(); ended {
		t.Errorf("ended again, with %d", status)
	}
}

// zombie reports whether a child is dead and not reaped, according to ps.
func zombie(pid int) bool {
	var info unix.Siginfo
	return unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil && info.Signo != 0
}
