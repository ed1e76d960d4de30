//go:build linux && !portable

// The scheduling class of workers, as the system shows it.

package worker

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

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

// With several sessions a pool's worker does not preempt the running task; with one
// session, or as a process of its own, a session is served at once. A class that an admin
// has chosen stays.
func TestSchedulingClass(t *testing.T) {
	const other, batch, idle = "0", "3", "5"
	crowded := other
	if kernel.HasDeadlines() {
		crowded = batch
	}
	for _, c := range []struct {
		capacity     uint32
		started      string
		alone, among string // class with one session, and with others
	}{{1, other, other, other}, {4, other, other, crowded}, {4, idle, idle, idle}, {4, batch, batch, batch}} {
		b := newBoss(t, board.Shape{Workers: 1, Capacity: c.capacity}, []string{echo(t)}, nil)
		hired := make(chan *hand)
		go func() {
			defer close(hired)
			runtime.LockOSThread() // never unlocked: the thread ends with its class
			choose(t, 0, c.started)
			hired <- b.hire(0)
		}()
		h := <-hired
		if h == nil {
			return // the goroutine has reported why
		}
		is := func(want string) {
			t.Helper()
			b.wait(fmt.Sprintf("started with policy %s, of capacity %d, it is in %s", c.started, c.capacity, want),
				func() bool { return policy(t, h.pid) == want })
		}
		is(c.alone)
		first := b.dial()
		b.echoes(first, "x")
		is(c.alone)
		if c.capacity == 1 {
			continue
		}
		for range 2 {
			second := b.dial()
			b.echoes(second, "x")
			is(c.among)
			hangUp(t, second)
			is(c.alone)
		}
		if c.started != other {
			continue
		}
		choose(t, h.pid, idle)
		second := b.dial()
		b.echoes(second, "x")
		b.bell(2 * seldomTitle)
		is(idle)
		hangUp(t, second)
		b.bell(2 * seldomTitle)
		is(idle)
	}
}

// choose puts a thread into a scheduling class, as chrt(1) does; 0 is the caller.
func choose(t *testing.T, pid int, class string) {
	t.Helper()
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: uint32(class[0] - '0')}
	if err := unix.SchedSetAttr(pid, attr, 0); err != nil {
		t.Error(err)
	}
}
