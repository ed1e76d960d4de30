//go:build linux

// A worker that can't accept reports it, and accepts again when it can.

package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// Another process shuts the listener down while the gate is open: a worker reports it and
// waits, whatever it may carry, and serves again when the master listens again.
func TestListenerShutDownByOthers(t *testing.T) {
	for name, capacity := range map[string]uint32{"one session": 1, "many": 8} {
		t.Run(name, func(t *testing.T) {
			b := newBoss(t, board.Shape{Workers: 1, Capacity: capacity}, []string{echo(t)}, nil)
			h := b.hire(0)
			c := b.dial()
			b.echoes(c, "x")
			hangUp(t, c)
			if err := unix.Shutdown(b.listener, unix.SHUT_RD); err != nil {
				t.Fatal(err)
			}
			b.wait("the worker says so", func() bool { return b.board.State.Deaf.Load() == uint32(unix.EINVAL) })
			h.lives()
			if err := unix.Listen(b.listener, 10); err != nil {
				t.Fatal(err)
			}
			own, err := unix.Getsockname(b.listener)
			if err != nil {
				t.Fatal(err)
			}
			b.addr = inWords(own.(*unix.SockaddrInet4)) // a port that the kernel chose is a different one now
			h.orders(report.Gate)
			c = b.dial()
			b.echoes(c, "y")
			hangUp(t, c)
			if b.board.State.Deaf.Load() != 0 {
				t.Error("the board says that no client can be accepted")
			}
			h.lives()
			said := 0
			for _, line := range b.syslogs(5) { // two for each session
				if strings.Contains(line, "another process shut down the listener") {
					said++
				}
			}
			if said != 1 {
				t.Errorf("said %d times", said)
			}
		})
	}
}

// cpu is how much CPU time the worker has used so far (the first column of schedstat, for
// all its threads).
func (h *hand) cpu() (sum time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", h.pid))
	for _, task := range tasks {
		var n int64
		text, _ := os.ReadFile(task)
		fmt.Sscan(string(text), &n)
		sum += time.Duration(n)
	}
	return sum
}

// An accept that always fails, for a reason that no client caused, is reported once and
// tried again now and then, never in a busy loop. Here the listener is a datagram socket
// with a datagram (EOPNOTSUPP).
func TestAcceptThatAlwaysFails(t *testing.T) {
	for name, capacity := range map[string]uint32{"one session": 1, "many": 8} {
		t.Run(name, func(t *testing.T) {
			b := newBoss(t, board.Shape{Workers: 1, Capacity: capacity}, []string{echo(t)}, nil)
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pair[1])
			unix.Close(b.listener)
			b.listener = pair[0]
			unix.Write(pair[1], []byte("x"))
			h := b.hire(0)
			b.wait("the worker says so", func() bool { return b.board.State.Deaf.Load() == uint32(unix.EOPNOTSUPP) })
			before := h.cpu()
			for range 5 {
				b.silent()
			}
			if used := h.cpu() - before; used > glance {
				t.Errorf("%v of CPU time in %v", used, 5*glance)
			}
			h.orders(report.Nudge)
			h.lives()
			b.syslogs(1)
			h.orders(report.Drain)
			if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
				t.Errorf("ended with %v", status)
			}
		})
	}
}
