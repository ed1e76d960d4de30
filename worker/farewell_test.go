//go:build linux && !portable

// How a timer ends a session: what comes first, what is delivered, and which session is
// not idle.

package worker

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"daemon/plug/worker/board"
)

// What a session holds when a timer ends it is delivered whole, and then the end.
func TestHeldBytesAreDelivered(t *testing.T) {
	for _, splicing := range []bool{false, true} {
		e := rig(t)
		e.board.Assignment.IdleTimeout = 8000
		s, client, target := carriedSince(t, e)
		s.client.splicing = splicing
		sent := fill(t, e, client)
		moved := s.row.In.Load()
		if !s.client.stuck() || moved == uint64(sent) {
			t.Fatalf("%d of %d bytes were taken, none is held", moved, sent)
		}
		within(t, expires(t, e, s, 50*time.Millisecond), 8*time.Second, 200*time.Millisecond)
		if s.state != delivering || board.Cause(s.row.Cause.Load()) != board.MakeCause(board.Nobody, board.Delivering, 0) {
			t.Fatalf("state %d, cause %s", s.state, code(s))
		}
		got := make(chan int64)
		go func() {
			n, _ := io.Copy(io.Discard, target)
			got <- n
		}()
		e.until(t, "the session has ended", func() bool { return s.state == ended })
		if n := <-got; uint64(n) != moved || s.row.In.Load() != moved || code(s) != "iR" {
			t.Errorf("splicing %v: %d bytes arrived, %d are counted, %d were held; code %s", splicing, n, s.row.In.Load(), moved, code(s))
		}
	}
}

// fill writes to a connection until nothing more is taken, and returns how many bytes.
func fill(t *testing.T, e *engine, c *net.TCPConn) (sent int) {
	t.Helper()
	for idle := 0; idle < 3; {
		c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := c.Write(make([]byte, 64<<10))
		if sent += n; err != nil && !errors.Is(err, syscall.EAGAIN) {
			idle++
		} else {
			idle = 0
		}
		e.quiet()
	}
	return sent
}

// A session whose receiver takes nothing counts as idle. After --linger both sides are
// reset, and what was not delivered is not counted.
func TestStuckSessionEnds(t *testing.T) {
	e := rig(t)
	e.board.Assignment.IdleTimeout, e.board.Assignment.Linger = 8000, 500
	s, client, target := carriedSince(t, e)
	target.SetReadBuffer(4 << 10)
	fill(t, e, client)
	within(t, expires(t, e, s, 50*time.Millisecond), 8*time.Second, 200*time.Millisecond)
	e.forward(400 * time.Millisecond)
	if s.state != delivering {
		t.Fatalf("state %d before the time has passed", s.state)
	}
	e.forward(110 * time.Millisecond)
	if s.state != ended || code(s) != "iR" {
		t.Fatalf("state %d, code %s", s.state, code(s))
	}
	n, err := io.Copy(io.Discard, target)
	if !errors.Is(err, syscall.ECONNRESET) || uint64(n) != s.row.In.Load() {
		t.Errorf("%d bytes and %v, expected %d and a reset", n, err, s.row.In.Load())
	}
}

// A receiver that takes what the kernel holds for it keeps its session from being idle,
// although no byte passes through the worker.
func TestSlowReaderIsNotIdle(t *testing.T) {
	const T = 8 * time.Second
	e := rig(t)
	e.board.Assignment.IdleTimeout = uint32(T.Milliseconds())
	s, client, target := carriedSince(t, e)
	const sent = 2 << 20
	go client.Write(make([]byte, sent))
	e.until(t, "everything is in the kernel", func() bool { return s.row.In.Load() == sent && !s.client.stuck() })
	steps := 0
	for held := unacknowledged(&s.target); held > 0; steps++ {
		for now := held; now == held && now > 0; now = unacknowledged(&s.target) {
			io.CopyN(io.Discard, target, 8<<10)
		}
		held = unacknowledged(&s.target)
		if e.forward(T / 16); s.state != relaying {
			t.Fatalf("state %d after %d steps, with %d bytes not acknowledged", s.state, steps, held)
		}
	}
	if steps < 20 {
		t.Skipf("the target's kernel has taken everything within %d steps", steps)
	}
	within(t, expires(t, e, s, T/16), T, T/16+time.Second)
}

// What has arrived when a timer is due, and no event has reported yet, comes first: bytes
// are relayed, an end is passed on, and a reset is whose it is.
func TestArrivedBeforeTheTimer(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(client *net.TCPConn)
		is   state
		code string
	}{
		"bytes": {func(c *net.TCPConn) { c.Write([]byte("x")) }, relaying, "?R"},
		"end":   {func(c *net.TCPConn) { c.CloseWrite() }, halfClosed, "?H"},
		"reset": {func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, ended, "CR"},
	} {
		e := rig(t)
		e.board.Assignment.IdleTimeout = 1000
		s, client, _ := carriedSince(t, e)
		e.clock.base += int64(2 * time.Second)
		e.clock.read()
		c.act(client)
		e.overdue() // without waiting for events
		if s.state != c.is || code(s) != c.code {
			t.Errorf("%s: state %d, code %s; expected %d, %s", name, s.state, code(s), c.is, c.code)
		}
	}
}

// With --lifetime-end reset or --linger reset, both sides are reset at once.
func TestTimerResets(t *testing.T) {
	for _, option := range []uint32{board.OptLifetimeReset, board.OptLingerReset} {
		e := rig(t)
		e.board.Assignment.Lifetime = 1000
		e.board.Assignment.Options |= option
		s, client, target := carriedSince(t, e)
		e.forward(1100 * time.Millisecond)
		if s.state != ended || code(s) != "lR" {
			t.Errorf("state %d, code %s", s.state, code(s))
		}
		for _, side := range []*net.TCPConn{client, target} {
			if _, err := side.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read %v, expected a reset", err)
			}
		}
	}
}
