//go:build linux

package worker

import (
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// What both engines promise for a side that has failed: its last bytes reach the
// other side, and then its reset.

// cutting is a target that says something and resets when it has been acknowledged.
func cutting(t *testing.T, say []byte) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		c.Write(say)
		raw, err := c.SyscallConn()
		if err != nil {
			t.Error(err)
			return
		}
		until(t, "the target's bytes are acknowledged", func() bool {
			n := 0
			raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) })
			return err != nil || n == 0
		})
		c.SetLinger(0)
		c.Close()
	}
}

func TestLastWords(t *testing.T) {
	const tries = 30
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{target(t, func(c *net.TCPConn) {
		io.ReadFull(c, make([]byte, 1)) // a client that is reset before its connect(2) has returned gets nothing
		cutting(t, []byte("too many"))(c)
	})}, nil)
	h := b.hire(0)
	for i := range tries {
		c := b.dial()
		c.Write([]byte("?"))
		if got, err := io.ReadAll(c); string(got) != "too many" || !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("client %d got %q, %v", i, got, err)
		}
	}
	for _, line := range b.lines(tries) {
		if f := fields(line); f[4] != "1" || f[5] != "8" {
			t.Errorf("line %q: want 1 byte in and 8 out", line)
		}
	}
	if n := b.board.Column(0).Ended[board.Cut].Load(); n != tries {
		t.Errorf("%d of %d sessions were cut", n, tries)
	}
	h.lives()
}

// A client that resets while its target is being connected has its message
// delivered; one that has said nothing ends its session.
func TestMessageBeforeAReset(t *testing.T) {
	const tries = 30
	heard := make(chan string, tries)
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{target(t, func(c *net.TCPConn) {
		got, _ := io.ReadAll(c)
		heard <- string(got)
	})}, nil)
	h := b.hire(0)
	for range tries {
		cutting(t, []byte("ten bytes."))(b.dial())
	}
	for i := range tries {
		select {
		case got := <-heard:
			if got != "ten bytes." {
				t.Fatalf("message %d arrived as %q", i, got)
			}
		case <-time.After(patience):
			t.Fatalf("%d of %d messages arrived", i, tries)
		}
	}
	b.lines(tries)
	h.lives()
}

// Such a client does not wait for a target that does not answer for longer than
// --close-timeout says, and the target is not to blame.
func TestMessageThatCannotArrive(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{silent(t)}, func(a *board.Board) {
		a.ConnectTimeout, a.CloseTimeout = 10*uint32(patience.Milliseconds()), 200
	})
	h := b.hire(0)
	cutting(t, []byte("ten bytes."))(b.dial())
	if f := fields(b.lines(1)[0]); f[4] != "0" {
		t.Errorf("the line says %s bytes in", f[4])
	}
	b.wait("the session is counted as cut", func() bool { return b.board.Column(0).Ended[board.Cut].Load() == 1 })
	if n := b.board.Mark(0).Failures.Load(); n != 0 {
		t.Errorf("%d failures of the target are counted", n)
	}
	h.lives()
}

// A client that reads nothing holds its session for as long as --close-timeout says,
// and not a moment longer than an admin does. The line has what had reached it.
func TestDeliveringEnds(t *testing.T) {
	for _, by := range []string{"timeout", "admin"} {
		sends := make([]byte, 32<<20)
		b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{target(t, func(c *net.TCPConn) {
			c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)) // more than the sockets take
			c.Write(sends)
			c.SetLinger(0)
			c.Close()
		})}, func(a *board.Board) {
			if by == "timeout" {
				a.CloseTimeout = 400
			}
		})
		h := b.hire(0)
		c := b.dial()
		c.SetReadBuffer(16 << 10)
		row, index := (*board.Row)(nil), -1
		b.wait("the session delivers", func() bool {
			for i := range int(b.board.Header.Rows) {
				if r := b.board.Row(0, i); r.Word().State() == board.RowLive && board.Cause(r.Cause.Load()).Stage() == board.Delivering {
					row, index = r, i
				}
			}
			return row != nil
		})
		turn, outcome := row.Word().Turn(), board.Cut
		if by == "admin" {
			outcome = board.AdminEnded
			h.kills(index, turn)
		}
		b.wait("the row is free", func() bool { return row.Word().Turn() == turn+1 })
		got, err := io.Copy(io.Discard, c)
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: the client sees %v", by, err)
		}
		if f := fields(b.lines(1)[0]); f[5] != strconv.FormatInt(got, 10) || got == 0 {
			t.Errorf("%s: the line says %s bytes out, the client got %d", by, f[5], got)
		}
		if b.board.Column(0).Ended[outcome].Load() != 1 {
			t.Errorf("%s: outcomes %v", by, &b.board.Column(0).Ended)
		}
		h.lives()
	}
}
