//go:build linux && !portable

package worker

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

func TestSchedulerHasDeadlines(t *testing.T) {
	for release, want := range map[string]bool{
		"6.6": true, "6.6.0-rc1": true, "6.12.48+deb13-amd64": true, "7.0.1": true, "10.1": true, "6.18.44-x": true,
		"6.5.13": false, "6.1.0-18-amd64": false, "5.15.0": false, "5.99": false, "": false, "6": false, "6.x": false, "six": false,
	} {
		if got := hasDeadlines([]byte(release)); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		t.Fatal(err)
	}
	if got, want := string(kernelRelease()), unix.ByteSliceToString(names.Release[:]); got != want {
		t.Errorf("this kernel is %q, want %q", got, want)
	}
}

// policy is the scheduling class of a process's first thread (proc_pid_stat(5)
// policy).
func policy(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[41-3]
}

// A pool's workers don't interrupt who is running; those of one session do, and
// what an admin has chosen stays.
func TestSchedulingClass(t *testing.T) {
	const other, batch, idle = "0", "3", "5"
	pooled := other
	if hasDeadlines(kernelRelease()) {
		pooled = batch
	}
	for _, c := range []struct {
		capacity uint32
		started  string
		want     string
	}{{1, other, other}, {4, other, pooled}, {4, idle, idle}, {4, batch, batch}} {
		b := newBoss(t, board.Shape{Workers: 1, Capacity: c.capacity}, []string{echo(t)}, nil)
		hired := make(chan *hand)
		go func() {
			defer close(hired)
			runtime.LockOSThread() // and never unlocked: the thread ends with its class
			attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: uint32(c.started[0] - '0')}
			if err := unix.SchedSetAttr(0, attr, 0); err != nil {
				t.Error(err)
			}
			hired <- b.hire(0)
		}()
		h := <-hired
		if h == nil {
			return // it has said why
		}
		if got := policy(t, h.pid); got != c.want {
			t.Errorf("%d sessions, started with policy %s: %s, want %s", c.capacity, c.started, got, c.want)
		}
	}
}
