//go:build linux

// The order to end one session.

package worker

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// kills sends the order to end a session.
func (h *hand) kills(row int, epoch uint64) {
	h.b.t.Helper()
	if _, err := unix.Write(h.lifeline, report.AppendKill(nil, uint32(row), epoch)); err != nil {
		h.b.t.Fatal(err)
	}
}

// reads waits until the worker has read all its orders, so that none is left in the
// lifeline (unix(7): SIOCOUTQ, which has the same number as TIOCOUTQ).
func (h *hand) reads() {
	h.b.t.Helper()
	h.b.wait("the orders are read", func() bool {
		n, err := unix.IoctlGetInt(h.lifeline, unix.TIOCOUTQ)
		return err == nil && n == 0
	})
}

// killStage is a state in which a session is when it is ended.
type killStage struct {
	name   string
	target func(t *testing.T) string
	via    bool
	stage  func(b *boss, c *net.TCPConn)
	live   func(row *board.Row) bool
}

// killStages are all these states; their targets stay until over is closed.
func killStages(over <-chan bool) []killStage {
	held := func(c *net.TCPConn) { io.Copy(io.Discard, c); <-over }
	return []killStage{
		{"relaying", echo, false, func(b *boss, c *net.TCPConn) { b.echoes(c, "x") }, nil},
		{"half-closed", func(t *testing.T) string { return target(t, held) }, false,
			func(b *boss, c *net.TCPConn) { c.Write([]byte("x")); c.CloseWrite() }, func(r *board.Row) bool { return r.In.Load() == 1 }},
		{"with bytes kept", func(t *testing.T) string { return target(t, func(c *net.TCPConn) { <-over }) }, false,
			func(b *boss, c *net.TCPConn) { go c.Write(make([]byte, 32<<20)) }, func(r *board.Row) bool { return r.In.Load() > 1<<20 }},
		{"connecting", silent, false, func(*boss, *net.TCPConn) {}, func(r *board.Row) bool { return r.Word().Target() == 0 && r.Connect.Load() == 0 }},
		{"negotiating", func(t *testing.T) string { return target(t, held) }, true, func(*boss, *net.TCPConn) {},
			func(r *board.Row) bool { return r.Connect.Load() != 0 }},
	}
}

// An order ends the session of its row and epoch, in whatever state the session is, with
// a reset on both sides and one line; it ends no other session.
func TestKillOrder(t *testing.T) {
	over := make(chan bool)
	defer close(over)
	for _, c := range killStages(over) {
		for _, capacity := range []uint32{1, 4} {
			at := c.target(t)
			b := newBoss(t, board.Shape{Workers: 1, Capacity: capacity}, []string{at}, func(a *board.Board) {
				a.Assignment.ConnectTimeout = 60_000
				if c.via {
					a.Assignment.Via = convert.From(netip.MustParseAddrPort(at))
				}
			})
			h := b.hire(0)
			conn := b.dial()
			c.stage(b, conn)
			row, index := b.liveRow(c.name+": the session stands there", c.live)
			epoch := row.Word().Epoch()
			h.killsOthers(index, epoch)
			if row.Word().State() != board.RowLive {
				t.Fatalf("%s, capacity %d: a session ended by another one's order", c.name, capacity)
			}
			h.kills(index, epoch)
			b.wait(c.name+": the row is free", func() bool { return row.Word().Epoch() == epoch+1 })
			conn.SetReadDeadline(time.Now().Add(patience))
			told := c.name == "with bytes kept" // its write may have met the reset
			if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) && !told {
				t.Errorf("%s, capacity %d: the client sees %v", c.name, capacity, err)
			}
			if lines := b.lines(1); fields(lines[0])[3] != at {
				t.Errorf("%s, capacity %d: line %q", c.name, capacity, lines[0])
			}
			column := b.board.Column(0)
			if column.Ended[board.AdminEnded].Load() != 1 {
				t.Errorf("%s, capacity %d: outcomes %v", c.name, capacity, &column.Ended)
			}
			if b.board.TargetState(0).Failed.Load() != 0 || b.board.TargetState(0).Failures.Load() != 0 {
				t.Errorf("%s, capacity %d: the target is taken for failed", c.name, capacity)
			}
			h.kills(index, epoch)
			if c.name == "relaying" { // the worker continues
				next := b.dial()
				b.echoes(next, "y")
				hangUp(t, next)
				b.lines(2)
			}
			h.lives()
		}
	}
}

// liveRow waits until the worker has a live session for which live, if given, is true.
func (b *boss) liveRow(what string, live func(row *board.Row) bool) (row *board.Row, index int) {
	b.t.Helper()
	b.wait(what, func() bool {
		for i := range int(b.board.Tables.RowsEach) {
			if r := b.board.Row(0, i); r.Word().State() == board.RowLive && (live == nil || live(r)) {
				row, index = r, i
			}
		}
		return row != nil
	})
	return row, index
}

// killsOthers sends orders to end sessions that don't exist, and returns when they have
// been obeyed.
func (h *hand) killsOthers(index int, epoch uint64) {
	h.b.t.Helper()
	h.kills(index, epoch+1)
	h.kills(index+1, epoch)
	h.kills(1<<30, epoch)
	h.reads()
	h.orders(report.Gate) // read after those orders have been obeyed
	h.reads()
}

// A session may be older than the connect timeout, and still be writing to its target.
func TestConnectTimeoutEnds(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, func(a *board.Board) { a.Assignment.ConnectTimeout = 100 })
	b.hire(0)
	c := b.dial()
	b.echoes(c, "one")
	row := b.board.Row(0, 0)
	b.wait("the session is older than that", func() bool { return mono(t)-row.BeginAt > 3*100*int64(time.Millisecond) })
	b.echoes(c, "two")
	hangUp(t, c)
	b.lines(1)
}

// What a worker adds to its tally.
func TestTallies(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	h := b.hire(0)
	for range 3 {
		c := b.dial()
		b.echoes(c, "x")
		hangUp(t, c)
	}
	b.lines(3)
	tally, target := b.board.Tally(0), b.board.TargetTally(0)
	b.wait("all are tallied", func() bool { return b.board.Row(0, 0).Word().Epoch() == 3 })
	durations, connects := uint64(0), uint64(0)
	for i := range tally.Durations.Counts {
		durations += tally.Durations.Counts[i].Load()
		connects += target.Connects.Counts[i].Load()
	}
	if durations != 3 || connects != 3 || tally.Durations.Sum.Load() < target.Connects.Sum.Load() || target.Connects.Sum.Load() == 0 {
		t.Errorf("%d durations, %d connects, sums %d and %d", durations, connects, tally.Durations.Sum.Load(), target.Connects.Sum.Load())
	}
	h.lives()
}

// When an admin has left no target, a client is turned away at once, and this is logged
// once.
func TestAllDisabled(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t), echo(t)}, nil)
	b.board.TargetState(0).Admin.Store(board.Disabled)
	b.board.TargetState(1).Admin.Store(board.Draining)
	b.hire(0)
	for i := range 2 {
		c := b.dial()
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("a client sees %v", err)
		}
		if line := fields(b.lines(i + 1)[i]); line[3] != "-" {
			t.Errorf("line %q", line)
		}
	}
	said := 0
	for _, text := range b.syslogs(3) {
		if strings.Contains(text, "no target available: all are disabled or draining") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
}
