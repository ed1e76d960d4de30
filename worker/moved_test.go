//go:build linux

// When a session last moved data, as its row shows it.

package worker

import (
	"net"
	"testing"
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// shown is a snapshot of the worker's only row.
func (b *boss) shown() (s board.Snapshot) {
	b.t.Helper()
	if !b.board.Row(0, 0).Snapshot(&s) {
		b.t.Fatal("no session on the board")
	}
	return s
}

// reaches waits until the session has reached a stage, while nobody has ended it yet.
func (b *boss) reaches(stage board.Stage) {
	b.t.Helper()
	b.wait("the session is "+stage.String(), func() bool {
		var s board.Snapshot
		return b.board.Row(0, 0).Snapshot(&s) && s.Cause == board.MakeCause(board.Nobody, stage, 0)
	})
}

// The board shows for a live session which stage it has reached, when its target first
// answered, and when it last moved bytes.
func TestMovedAndFirst(t *testing.T) {
	b := newBoss(t, one1, []string{echo(t)}, nil)
	h := b.hire(0)
	c := b.dial()
	b.reaches(board.Relaying)
	if s := b.shown(); s.First != 0 || s.Moved == 0 || s.Moved > uint64(s.Connect)/1e6+1 {
		t.Errorf("before a byte: %+v", s)
	}
	b.echoes(c, "x")
	first := b.shown()
	if first.First < first.Connect || first.First == 0 || first.Moved < uint64(first.BeginAt)/1e6 {
		t.Errorf("connected at %d, first byte at %d, moved at %d", first.Connect, first.First, first.Moved)
	}
	b.wait("the board's clock has gone on", func() bool { return uint64(mono(t))/1e6 > first.Moved+2 })
	if s := b.shown(); s.Moved != first.Moved {
		t.Errorf("an idle session moved at %d, then at %d", first.Moved, s.Moved)
	}
	b.echoes(c, "y")
	if s := b.shown(); s.Moved <= first.Moved || s.First != first.First {
		t.Errorf("the second byte: moved at %d and %d, first at %d and %d", first.Moved, s.Moved, first.First, s.First)
	}
	hangUp(t, c)
	b.wait("it is counted", func() bool { return b.board.Column(0).Ended[board.Complete].Load() == 1 })
	if n := b.board.Tally(0).Ends.By(board.ByClient); n != 1 {
		t.Errorf("%d sessions ended by clients", n)
	}
	h.lives()
	// The row's next session starts from zero.
	c = b.dial()
	b.reaches(board.Relaying)
	if s := b.shown(); s.First != 0 {
		t.Errorf("a new session: %+v", s)
	}
	hangUp(t, c)
}

func mono(t *testing.T) int64 {
	t.Helper()
	var c clock
	c.start(kernel.Monotonic)
	return c.mono
}

// The row of a half-closed session shows its stage, and the side that ended its direction
// first is recorded as having ended the session.
func TestHalfClosedIsShown(t *testing.T) {
	for _, first := range []string{"client", "target"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		b := newBoss(t, one1, []string{l.Addr().String()}, nil)
		b.hire(0)
		client := b.dial()
		target, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		target.SetDeadline(time.Now().Add(patience))
		b.reaches(board.Relaying)
		from, to, who := client, target.(*net.TCPConn), board.ByClient
		if first == "target" {
			from, to, who = to, from, board.ByTarget
		}
		from.CloseWrite()
		b.reaches(board.HalfClosed)
		to.CloseWrite()
		b.wait("it is counted", func() bool { return b.board.Column(0).Ended[board.Complete].Load() == 1 })
		if n := b.board.Tally(0).Ends.By(who); n != 1 {
			t.Errorf("%s first: causes %v", first, &b.board.Tally(0).Ends)
		}
	}
}
