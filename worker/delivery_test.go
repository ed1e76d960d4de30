//go:build linux

// What both engines promise for a side that has failed: its last bytes reach the other
// side, and then its reset does.

package worker

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
	"daemon/plug/worker/board"
)

// cutting is a target that sends something and resets when that has been acknowledged.
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

// A client that reads late receives the bytes, too: more of them than its kernel accepts
// while it does not read.
func TestLastWords(t *testing.T) {
	const tries = 3
	say := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{target(t, cutting(t, say))}, nil)
	h := b.hire(0)
	for i := range tries {
		c := b.dial()
		b.reaches(board.Delivering)
		if await.Happens(glance, func() bool { return b.board.Row(0, 0).Word().State() != board.RowLive }) {
			t.Fatalf("session %d has ended before its client read", i)
		}
		if got, err := io.ReadAll(c); !bytes.Equal(got, say) || !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("client %d got %d of %d bytes, %v", i, len(got), len(say), err)
		}
		b.wait("the session is counted as cut", func() bool { return b.board.Column(0).Ended[board.Cut].Load() == uint64(i+1) })
	}
	for _, line := range b.lines(tries) {
		if f := fields(line); f[4] != "0" || f[5] != strconv.Itoa(len(say)) {
			t.Errorf("line %q: want 0 bytes in and %d out", line, len(say))
		}
	}
	h.lives()
}

// whileConnecting starts a worker that waits for a target's listener, whose queue is
// full, and connects a client.
func whileConnecting(t *testing.T) (listener int, b *boss, h *hand, client *net.TCPConn) {
	t.Helper()
	listener, addr := full(t)
	b = newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{addr}, func(a *board.Board) {
		a.Assignment.ConnectTimeout = uint32(patience.Milliseconds())
	})
	h = b.hire(0)
	client = b.dial()
	b.wait("the worker connects", func() bool { return b.board.TargetState(0).Connects.Load() == 1 })
	b.wait("it waits", h.sleeps)
	return listener, b, h, client
}

// A client resets without having sent anything, just after its target has been connected:
// the target sees a reset, not an end.
func TestResetBehindTheConnect(t *testing.T) {
	listener, b, h, c := whileConnecting(t)
	h.pause()
	acceptOne(t, listener).Close()
	target := acceptOne(t, listener)
	defer target.Close()
	cutting(t, nil)(c)
	unix.Kill(h.pid, unix.SIGCONT)
	if got, err := io.ReadAll(target); len(got) != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the target got %q, %v, want a reset", got, err)
	}
	b.lines(1)
	h.lives()
}

// A target that sends something and resets before the worker has checked whether it is
// connected still gets its bytes delivered. The worker is stopped meanwhile.
func TestLastWordsBehindTheConnect(t *testing.T) {
	listener, b, h, c := whileConnecting(t)
	h.pause()
	acceptOne(t, listener).Close()
	cutting(t, []byte("too many"))(acceptOne(t, listener))
	unix.Kill(h.pid, unix.SIGCONT)
	if got, err := io.ReadAll(c); string(got) != "too many" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client got %q, %v", got, err)
	}
	if f := fields(b.lines(1)[0]); f[5] != "8" {
		t.Errorf("the line says %s bytes out", f[5])
	}
	h.lives()
}

// full is a nonblocking listener whose queue holds the only connection that it has room
// for: the next one waits until that one is accepted.
func full(t *testing.T) (listener int, addr string) {
	t.Helper()
	listener, at := bind(t)
	t.Cleanup(func() { unix.Close(listener) })
	if err := unix.Listen(listener, 0); err != nil {
		t.Fatal(err)
	}
	first, err := net.Dial("tcp", inWords(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close() })
	return listener, inWords(at)
}

// acceptOne waits for a connection on a nonblocking listener.
func acceptOne(t *testing.T, listener int) *net.TCPConn {
	t.Helper()
	fd := -1
	until(t, "the target has a connection", func() (ok bool) {
		var err error
		fd, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return err == nil
	})
	f := os.NewFile(uintptr(fd), "accepted")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// If a client that has sent something resets while its target is being connected, its
// message is delivered; if it has sent nothing, its session ends.
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

// Its message waits for the target, too.
func TestMessageWaitsForTheConnect(t *testing.T) {
	listener, b, h, c := whileConnecting(t)
	cutting(t, []byte("ten bytes."))(c)
	acceptOne(t, listener).Close()
	target := acceptOne(t, listener)
	defer target.Close()
	if got, err := io.ReadAll(target); string(got) != "ten bytes." || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the target got %q, %v", got, err)
	}
	if f := fields(b.lines(1)[0]); f[4] != "10" {
		t.Errorf("the line says %s bytes in", f[4])
	}
	h.lives()
}

// Such a client does not wait longer than --close-timeout for a target that does not
// answer, and the target is not to blame.
func TestMessageThatCannotArrive(t *testing.T) {
	b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{silent(t)}, func(a *board.Board) {
		a.Assignment.ConnectTimeout, a.Assignment.CloseTimeout = 10*uint32(patience.Milliseconds()), 200
	})
	h := b.hire(0)
	cutting(t, []byte("ten bytes."))(b.dial())
	if f := fields(b.lines(1)[0]); f[4] != "0" {
		t.Errorf("the line says %s bytes in", f[4])
	}
	b.wait("the session is counted as cut", func() bool { return b.board.Column(0).Ended[board.Cut].Load() == 1 })
	if n := b.board.TargetState(0).Failures.Load(); n != 0 {
		t.Errorf("%d failures of the target are counted", n)
	}
	h.lives()
}

// A client that reads nothing holds its session up for --close-timeout, and no longer
// than until an admin or, without a master, a signal ends it. The line counts the bytes
// that had reached the client. Who ended the session is recorded with the stage at which
// the target failed.
func TestDeliveringEnds(t *testing.T) {
	for _, c := range []struct {
		by      string
		timeout uint32 // ms
		end     func(h *hand, row int, epoch uint64)
		outcome board.Outcome
		cause   board.Cause
	}{
		{"timeout", 400, func(*hand, int, uint64) {}, board.Cut, board.MakeCause(board.ByTarget, board.Relaying, int(unix.SIGTERM))},
		{"admin", 0, (*hand).kills, board.AdminEnded, board.MakeCause(board.ByAdmin, board.Relaying, int(unix.SIGTERM))},
		{"signal", 0, (*hand).orphanEnds, board.AdminEnded, board.MakeCause(board.BySignal, board.Relaying, int(unix.SIGTERM))},
	} {
		b := newBoss(t, board.Shape{Workers: 1, Capacity: 4}, []string{overfull(t)}, func(a *board.Board) {
			if c.timeout != 0 {
				a.Assignment.CloseTimeout = c.timeout
			}
		})
		h := b.hire(0)
		client := b.dial()
		client.SetReadBuffer(16 << 10)
		row, index := b.delivering()
		epoch := row.Word().Epoch()
		c.end(h, index, epoch)
		b.wait("the row is free", func() bool { return row.Word().Epoch() == epoch+1 })
		if cause := board.Cause(row.Cause.Load()); cause != c.cause {
			t.Errorf("%s: ended by %d at stage %s, expected %d at %s", c.by, cause.Culprit(), cause.Stage(), c.cause.Culprit(), c.cause.Stage())
		}
		got, err := io.Copy(io.Discard, client)
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: the client sees %v", c.by, err)
		}
		if f := fields(b.lines(1)[0]); f[5] != strconv.FormatInt(got, 10) || got == 0 {
			t.Errorf("%s: the line says %s bytes out, the client got %d", c.by, f[5], got)
		}
		if b.board.Column(0).Ended[c.outcome].Load() != 1 {
			t.Errorf("%s: outcomes %v", c.by, &b.board.Column(0).Ended)
		}
		if !h.ended {
			h.lives()
		}
	}
}

// overfull is a target that sends more than the sockets hold, and resets.
func overfull(t *testing.T) string {
	sends := make([]byte, 32<<20)
	return target(t, func(c *net.TCPConn) {
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		c.Write(sends)
		c.SetLinger(0)
		c.Close()
	})
}

// delivering waits until a session delivers, and returns its row.
func (b *boss) delivering() (row *board.Row, index int) {
	b.t.Helper()
	b.wait("the session delivers", func() bool {
		for i := range int(b.board.Tables.RowsEach) {
			if r := b.board.Row(0, i); r.Word().State() == board.RowLive && board.Cause(r.Cause.Load()).Stage() == board.Delivering {
				row, index = r, i
			}
		}
		return row != nil
	})
	return row, index
}

// orphanEnds has the worker lose its master, and sends it TERM.
func (h *hand) orphanEnds(int, uint64) {
	h.b.t.Helper()
	h.losesMaster()
	unix.Kill(h.pid, unix.SIGTERM)
	if status := h.exits(); !status.Exited() || status.ExitStatus() != 0 {
		h.b.t.Errorf("status %#x", status)
	}
}
