//go:build linux && !portable

// The event loop relays every byte, half-close and reset.

package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// noise is n random bytes.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	p := make([]byte, n)
	rand.NewChaCha8(key).Read(p)
	return p
}

// feed writes p and then ends the direction, in a goroutine.
func feed(c *net.TCPConn, p []byte) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(p)
		done <- errors.Join(err, c.CloseWrite())
	}()
	return done
}

// drain reads to the end, in a goroutine.
func drain(c *net.TCPConn) <-chan []byte {
	done := make(chan []byte, 1)
	go func() {
		var pieces [][]byte // io.ReadAll would copy megabytes several times, slowly with -race
		for {
			p := make([]byte, 1<<20)
			n, err := io.ReadFull(c, p)
			pieces = append(pieces, p[:n])
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				done <- slices.Concat(pieces...)
				return
			} else if err != nil {
				done <- []byte(err.Error())
				return
			}
		}
	}()
	return done
}

func TestBytesBothWays(t *testing.T) {
	for _, size := range []struct{ up, down int }{{0, 0}, {1, 0}, {0, 1}, {100, 5000}, {relayRoom, relayRoom + 1}, {3 << 20, 7 << 20}} {
		e := rig(t)
		before := descriptors(t)
		s, client, target := pair(t, e)
		up, down := noise(1, size.up), noise(2, size.down)
		feed(client, up)
		feed(target, down)
		atTarget, atClient := drain(target), drain(client)
		e.until(t, "the session ends", func() bool { return s.state == ended })
		if !bytes.Equal(<-atTarget, up) || !bytes.Equal(<-atClient, down) {
			t.Errorf("%d bytes up, %d down: they arrived as others", size.up, size.down)
		}
		if in, out := e.column.BytesIn.Load(), e.column.BytesOut.Load(); in != uint64(size.up) || out != uint64(size.down) {
			t.Errorf("counted %d in, %d out; want %d, %d", in, out, size.up, size.down)
		}
		if e.outcomes(board.Complete) != 1 || e.live != 0 || s.row.Word() != board.MakeWord(board.RowFree, board.NoTarget, 1) {
			t.Errorf("complete %d, live %d, row %#x", e.outcomes(board.Complete), e.live, s.row.Word())
		}
		client.Close()
		target.Close()
		if left := descriptors(t) - before - 2*len(e.relay.pipes); left > 0 {
			t.Errorf("%d descriptors left over", left)
		}
	}
}

// Many small writes arrive one by one: none waits for the next.
func TestEveryByteAtOnce(t *testing.T) {
	e := rig(t)
	s, client, target := pair(t, e)
	one := make([]byte, 1)
	for i := range byte(100) {
		for _, way := range []struct{ from, to *net.TCPConn }{{client, target}, {target, client}} {
			way.from.Write([]byte{i})
			got := make(chan error, 1)
			go func() {
				_, err := io.ReadFull(way.to, one)
				got <- err
			}()
			var err error
			e.until(t, "the byte arrives", func() bool {
				select {
				case err = <-got:
					return true
				default:
					return false
				}
			})
			if err != nil || one[0] != i {
				t.Fatalf("byte %d: %d, %v", i, one[0], err)
			}
		}
	}
	if s.state != relaying || s.row.In.Load() != 100 || s.row.Out.Load() != 100 {
		t.Errorf("state %d, %d in, %d out", s.state, s.row.In.Load(), s.row.Out.Load())
	}
}

// Half-close in both orders: one side's end reaches the other while the answer is still
// being sent.
func TestHalfClose(t *testing.T) {
	for _, name := range []string{"client first", "target first"} {
		e := rig(t)
		s, first, second := pair(t, e)
		if name == "target first" {
			first, second = second, first
		}
		question, answer := noise(3, 300<<10), noise(4, 900<<10)
		feed(first, question)
		arrived := drain(second)
		e.until(t, "the first end has passed", func() bool { return s.state == halfClosed })
		if got := <-arrived; !bytes.Equal(got, question) {
			t.Fatalf("%s: %d bytes before the end, want %d", name, len(got), len(question))
		}
		e.quiet()
		if s.state != halfClosed {
			t.Fatalf("%s: state %d while the answer is to come", name, s.state)
		}
		feed(second, answer)
		back := drain(first)
		e.until(t, "the session ends", func() bool { return s.state == ended })
		if !bytes.Equal(<-back, answer) || e.outcomes(board.Complete) != 1 {
			t.Errorf("%s: the answer behind the half-close arrived as another", name)
		}
	}
}

// With a receiver that does not read, what is kept stays small and the sender is held up.
// Later everything arrives, the end last.
func TestSlowReader(t *testing.T) {
	e := rig(t)
	s, client, target := pair(t, e)
	for _, c := range []*net.TCPConn{client, target} { // a window far smaller than what is sent
		c.SetWriteBuffer(256 << 10)
		c.SetReadBuffer(256 << 10)
	}
	for _, fd := range []int{s.client.fd, s.target.fd} {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 256<<10)
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 256<<10)
	}
	sent := noise(5, 12<<20)
	written := feed(client, sent)
	held := func() int {
		if s.client.pipe != nil {
			return inBlock(&s.client) + s.client.pipe.held
		}
		return inBlock(&s.client)
	}
	e.until(t, "something is kept for a reader that does not read", func() bool { return held() > 0 })
	e.quiet()
	if held() > pipeRoom {
		t.Errorf("%d bytes are kept, want at most %d", held(), pipeRoom)
	}
	select {
	case <-written:
		t.Error("nobody held the sender up")
	default:
	}
	if s.client.done || s.state != relaying {
		t.Errorf("state %d, direction done: %v", s.state, s.client.done)
	}
	arrived := drain(target)
	e.until(t, "the end has passed", func() bool { return s.state == halfClosed })
	if err := <-written; err != nil {
		t.Error(err)
	}
	if got := <-arrived; !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived, want %d", len(got), len(sent))
	}
}

// The end of a sender that has already gone is passed on after its last byte.
func TestEndWaitsForWhatIsKept(t *testing.T) {
	for _, size := range []int{1, 3 << 10, 40 << 10, 200 << 10} {
		e := rig(t)
		ours, theirs := unixPair(t), unixPair(t)
		unix.SetsockoptInt(theirs[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
		s := e.carry(t, ours[0], theirs[0])
		sent := noise(6, size)
		for p := sent; len(p) > 0; e.quiet() {
			n, err := unix.Write(ours[1], p)
			if err == unix.EAGAIN {
				break // the queues are full: the rest is never sent
			}
			p = p[n:]
			size = len(sent) - len(p)
		}
		unix.Shutdown(ours[1], unix.SHUT_WR)
		e.quiet()
		if size > 100<<10 && s.client.done {
			t.Errorf("%d bytes went into a socket of 4 KiB", size)
		}
		var got []byte
		buffer := make([]byte, 1000)
		e.until(t, "the end arrives", func() bool {
			n, err := unix.Read(theirs[1], buffer)
			got = append(got, buffer[:max(0, n)]...)
			return n == 0 && err == nil
		})
		if !bytes.Equal(got, sent[:size]) {
			t.Errorf("%d of %d bytes before the end", len(got), size)
		}
		if s.state != halfClosed {
			t.Errorf("state %d behind the end of one side", s.state)
		}
	}
}

func TestBlocks(t *testing.T) {
	var r relay
	for _, n := range []int{1, blockSizes[0], blockSizes[0] + 1, blockSizes[1], blockSizes[1] + 1, relayRoom} {
		var d side
		p := noise(9, n)
		r.keep(&d, p)
		if !bytes.Equal(d.block.kept, p) {
			t.Fatalf("%d bytes were kept as others", n)
		}
		if class := d.block.sizeClass; blockSizes[class] < n || class > 0 && blockSizes[class-1] >= n {
			t.Errorf("%d bytes lie in a block of %d", n, blockSizes[class])
		}
		used := d.block
		r.release(&d)
		if d.block != nil {
			t.Error("still kept after the release")
		}
		var next side
		if r.keep(&next, p); next.block != used {
			t.Errorf("a block of %d bytes was not used again", n)
		}
		r.release(&next)
		r.release(&next) // no block to release: no effect
	}
	if n := len(r.blocks[0]) + len(r.blocks[1]) + len(r.blocks[2]); n != 3 {
		t.Errorf("%d spare blocks", n)
	}
}
