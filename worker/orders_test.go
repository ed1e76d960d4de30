//go:build linux

// A worker obeys the gate, nudges and drains.

package worker

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// At capacity a worker leaves clients to others, or in the queue.
func TestCapacity(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 2}, []string{echo(t)}, nil)
	b.hire(0)
	first, second := b.dial(), b.dial()
	b.echoes(first, "first")
	b.echoes(second, "second")
	third := b.dial()
	b.unserved(third)
	if live := b.board.Column(0).Live.Load(); live != 2 {
		t.Errorf("%d live of 2", live)
	}
	hangUp(t, first)
	p := make([]byte, 1)
	if _, err := io.ReadFull(third, p); err != nil || p[0] != 'x' {
		t.Errorf("the third client's turn: %q, %v", p, err)
	}
	b.silent() // a pool's workers are listed until they end
}

func TestGate(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.State.Gate.Store(board.GateClosed) })
	h := b.hire(0)
	c := b.dial()
	b.unserved(c) // sends an x
	b.board.State.Gate.Store(board.GateOpen)
	h.orders(report.Gate)
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("behind the open gate: %v", err)
	}
	b.board.State.Gate.Store(board.GatePaused)
	h.orders(report.Gate)
	b.echoes(c, "a session goes on while its plug is paused")
	hangUp(t, c)
	h.hears(report.Begin)
	h.hears(report.End)
	paused := b.dial()
	b.unserved(paused)
	b.board.State.Gate.Store(board.GateOpen)
	h.orders(report.Gate)
	if n, err := paused.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("after the pause: %v", err)
	}
	b.board.State.Gate.Store(board.GateDraining)
	h.orders(report.Gate)
	b.echoes(paused, "and while it drains")
	h.lives()
	hangUp(t, paused)
	if status := h.exits(); status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
}

// A nudge makes a worker check the listener for a client that no event announced to it:
// here, because the gate opened without an order.
func TestNudge(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.State.Gate.Store(board.GateClosed) })
	h := b.hire(0)
	b.wait("it has looked at the gate", h.sleeps)
	c := b.dial()
	b.board.State.Gate.Store(board.GateOpen)
	b.unserved(c)
	h.orders(report.Nudge)
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("after the nudge: %v", err)
	}
}

func TestDrain(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	spare := b.hire(0)
	spare.orders(report.Drain)
	if status := spare.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("a spare's status: %#x", status)
	}
	h := b.hire(1)
	c := b.dial()
	b.echoes(c, "one")
	h.orders(report.Drain)
	h.orders(report.Drain)
	b.echoes(c, "two")
	other := b.dial()
	b.unserved(other)
	h.lives()
	hangUp(t, c)
	if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("status %#x", status)
	}
	if b.lines(1)[0] == "" || b.board.Row(1, 0).Word().Epoch() != 1 {
		t.Error("the last session's line")
	}
}

// A worker serves the client that woke it, even if it is told to drain, whichever it
// notices first.
func TestLastAccept(t *testing.T) {
	for _, first := range []string{"the client", "the order"} {
		b := newBoss(t, one1, []string{echo(t)}, nil)
		h := b.hire(0)
		b.wait("it waits", h.sleeps)
		h.pause()
		if first == "the order" {
			h.orders(report.Drain)
		}
		c := b.dial() // this worker is the one that is woken
		if first == "the client" {
			h.orders(report.Drain)
		}
		unix.Kill(h.pid, unix.SIGCONT)
		b.echoes(c, "served, though "+first+" came first")
		hangUp(t, c)
		h.exits()
	}
}

// When the master frees the port, it closes the gate for good, shuts the listener down
// and tells the workers.
func TestPortShutDown(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 2, Capacity: 1}, []string{echo(t)}, nil)
	busy := b.hire(0)
	c := b.dial()
	b.echoes(c, "x")
	busy.hears(report.Begin)
	spare := b.hire(1)
	b.board.State.Gate.Store(board.GateDraining)
	unix.Shutdown(b.listener, unix.SHUT_RD)
	spare.orders(report.Drain)
	busy.orders(report.Drain)
	if status := spare.exits(); status.ExitStatus() != 0 {
		t.Errorf("the spare's status: %#x", status)
	}
	b.echoes(c, "the session goes on")
	hangUp(t, c)
	busy.exits()
}
