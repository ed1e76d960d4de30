//go:build linux

// The end of a worker: its master's death, its last session, signals.

package worker

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// The master is gone: spares exit, sessions finish, each with its line.
func TestMastersEnd(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 3, Capacity: 1}, []string{echo(t)}, nil)
	h := b.hire(0)
	c := b.dial()
	b.echoes(c, "x")
	h.hears(report.Begin)
	spare := b.hire(1)
	unix.Close(spare.lifeline)
	spare.lifeline = -1
	if status := spare.exits(); status.ExitStatus() != 0 {
		t.Errorf("the spare's status: %#x", status)
	}
	unix.Close(h.lifeline)
	h.lifeline = -1
	b.wait("the orphan has closed the listener", h.hasLeft)
	b.echoes(c, "still there")
	hangUp(t, c)
	if status := h.exits(); status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	if lines := b.lines(1); len(lines) != 1 || !strings.Contains(lines[0], " 12 12 ") {
		t.Errorf("lines %q", lines)
	}
}

// On TERM, a worker without a master ends its sessions and writes their lines itself.
func TestTermOfAnOrphan(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{echo(t)}, nil)
	h := b.hire(0)
	var clients []*net.TCPConn
	for range 3 {
		c := b.dial()
		b.echoes(c, "x")
		clients = append(clients, c)
	}
	h.losesMaster()
	unix.Kill(h.pid, unix.SIGTERM)
	if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	for _, c := range clients {
		if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("the client sees %v, want a reset", err)
		}
	}
	if lines := b.lines(3); len(lines) != 3 {
		t.Errorf("lines %q", lines)
	}
	if n := b.board.Column(0).Ended[board.AdminEnded].Load(); n != 3 {
		t.Errorf("%d counted as ended by an admin", n)
	}
}

// losesMaster closes the master's end of the lifeline, and waits until the worker catches
// TERM.
func (h *hand) losesMaster() {
	h.b.t.Helper()
	unix.Close(h.lifeline)
	h.lifeline = -1
	h.b.wait("it has closed the listener", h.hasLeft)
	h.b.wait("it sleeps again", h.sleeps) // it does not sleep before it catches TERM
}

// hasLeft reports whether the worker no longer holds the listener.
func (h *hand) hasLeft() bool {
	mine, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", h.b.listener))
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", h.pid))
	for _, link := range links {
		if its, _ := os.Readlink(link); its == mine {
			return false
		}
	}
	return true
}

// sleeps reports whether all threads of the worker are asleep.
func (h *hand) sleeps() bool { return h.threadsAre("S") }

// pause stops the worker, and returns when it has stopped: until then, some of its threads
// may still run.
func (h *hand) pause() {
	h.b.t.Helper()
	unix.Kill(h.pid, unix.SIGSTOP)
	h.b.wait("it has stopped", func() bool { return h.threadsAre("T") })
}

// threadsAre reports whether all threads of the worker are in a state (proc(5)).
func (h *hand) threadsAre(state string) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", h.pid))
	for _, stat := range stats {
		text, _ := os.ReadFile(stat)
		_, rest, _ := strings.Cut(string(text), ") ")
		if !strings.HasPrefix(rest, state) {
			return false
		}
	}
	return len(stats) > 0
}

// While a worker has a master, TERM ends it at once, and it leaves the row to the master.
func TestKilledWorkerLeavesItsRow(t *testing.T) {
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		b := newBoss(t, one1, []string{echo(t)}, nil)
		h := b.hire(0)
		c := b.dial()
		b.echoes(c, "twelve bytes")
		unix.Kill(h.pid, signal)
		if status := h.exits(); !status.Signaled() || status.Signal() != signal {
			t.Errorf("status %#x, want %v", status, signal)
		}
		var s board.Snapshot
		if !b.board.Row(0, 0).Snapshot(&s) || s.Word.State() != board.RowLive || s.In != 12 || s.Out != 12 {
			t.Errorf("the row: %+v", s)
		}
	}
}

// Signals that a terminal sends to its process group are not meant for workers.
func TestIgnoredSignals(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	h := b.hire(0)
	unix.Kill(h.pid, unix.SIGHUP)
	unix.Kill(h.pid, unix.SIGINT)
	c := b.dial()
	b.echoes(c, "alive")
	h.lives()
}
