//go:build linux

// Timers of both engines, with real workers.

package worker

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// endedBy waits until a worker's only session has ended, and checks its cause.
func (b *boss) endedBy(timer board.Timer, stage board.Stage) {
	b.t.Helper()
	b.wait("the session is counted as cut by a timer", func() bool {
		return b.board.Column(0).Ended[board.Cut].Load() == 1 && b.board.Tally(0).Ends.By(board.ByTimer) == 1
	})
	if c := board.Cause(b.board.Row(0, 0).Cause.Load()); c != board.MakeCause(board.ByTimer, stage, int(timer)) {
		b.t.Errorf("cause %s (%s)", c.Code(), c)
	}
}

// Each timer ends its session with its cause, in order, no earlier than after its time.
func TestTimersOfBothEngines(t *testing.T) {
	const T = 300
	for _, c := range []struct {
		name  string
		set   func(a *board.Assignment)
		then  func(c *net.TCPConn)
		timer board.Timer
		stage board.Stage
	}{
		{"idle", func(a *board.Assignment) { a.IdleTimeout = T }, nil, board.IdleTimer, board.Relaying},
		{"first byte", func(a *board.Assignment) { a.FirstByteTimeout = T }, nil, board.FirstByteTimer, board.Relaying},
		{"half-closed", func(a *board.Assignment) { a.HalfClosedTimeout = T }, func(c *net.TCPConn) { c.CloseWrite() }, board.HalfClosedTimer, board.HalfClosed},
		{"lifetime", func(a *board.Assignment) { a.Lifetime = T }, nil, board.LifetimeTimer, board.Relaying},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			b := newBoss(t, one1, []string{l.Addr().String()}, func(b *board.Board) { c.set(b.Assignment) })
			b.hire(0)
			began := time.Now()
			client := b.dial()
			target, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer target.Close()
			target.SetDeadline(time.Now().Add(patience))
			if c.then != nil {
				b.reaches(board.Relaying)
				c.then(client)
			}
			for _, side := range []net.Conn{client, target} {
				if rest, err := io.ReadAll(side); err != nil || len(rest) > 0 {
					t.Errorf("read %q, %v; expected the end", rest, err)
				}
			}
			if took := time.Since(began); took < T*time.Millisecond {
				t.Errorf("ended after %v", took)
			}
			b.endedBy(c.timer, c.stage)
		})
	}
}

// What is held for a slow receiver when a timer ends the session is delivered whole.
func TestTimerDeliversInBothEngines(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBoss(t, one1, []string{l.Addr().String()}, func(b *board.Board) { b.Assignment.Lifetime = 500 })
	b.hire(0)
	client := b.dial()
	target, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	target.SetDeadline(time.Now().Add(patience))
	go io.Copy(client, endless{}) // until nothing is taken any more
	b.reaches(board.Delivering)
	n, err := io.Copy(io.Discard, target)
	b.endedBy(board.LifetimeTimer, board.Relaying)
	if in := b.board.Row(0, 0).In.Load(); err != nil || uint64(n) != in || n == 0 {
		t.Errorf("%d bytes and %v, the row says %d", n, err, in)
	}
}

// endless is a source of bytes.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A timer that resets does so at once, although the receiver takes nothing.
func TestTimerResetsInBothEngines(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(b *board.Board) {
		b.Assignment.Lifetime = 300
		b.Assignment.Options |= board.OptLifetimeReset
	})
	b.hire(0)
	client := b.dial()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("read %v, expected a reset", err)
	}
	b.endedBy(board.LifetimeTimer, board.Relaying)
}
