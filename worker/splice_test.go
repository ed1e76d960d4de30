//go:build linux && !portable

// Bulk is spliced, and nothing of it is lost.

package worker

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// A direction that keeps filling the buffer is spliced. When its splices become small,
// it is copied again, and its pipe is kept for the next direction.
func TestSplicingBeginsAndEnds(t *testing.T) {
	e := rig(t)
	s, client, target := pair(t, e)
	var seen bytes.Buffer
	arrived := make(chan struct{}, 1)
	sent := noise(1, 8<<20)
	unix.SetsockoptInt(s.client.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 512<<10)
	go client.Write(sent)
	waiting(t, s.client.fd, spliceAfter*relayRoom)
	go func() {
		io.CopyN(&seen, target, int64(len(sent)))
		arrived <- struct{}{}
	}()
	spliced := false
	e.until(t, "everything is through", func() bool {
		spliced = spliced || s.client.pipe != nil || len(e.relay.pipes) > 0
		select {
		case <-arrived:
			return true
		default:
			return false
		}
	})
	if !spliced {
		t.Error("8 MiB at once were never spliced")
	}
	if !bytes.Equal(seen.Bytes(), sent) {
		t.Error("spliced bytes arrived as others")
	}
	if s.target.splicing || s.target.pipe != nil {
		t.Error("the quiet direction splices")
	}
	e.quiet()
	if s.client.pipe != nil || len(e.relay.pipes) != 1 {
		t.Errorf("an idle direction keeps its pipe; %d spare ones", len(e.relay.pipes))
	}
	const small, size = 3 * smallAfter, 1000
	for i := range small {
		p, got := noise(uint64(i), size), make([]byte, size)
		if err := e.passes(t, client, target, p, got); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if s.row.In.Load() != uint64(len(sent)+small*size) {
		t.Errorf("%d bytes counted", s.row.In.Load())
	}
}

// passes sends a message, and reads it at the other end while the engine works.
func (e *engine) passes(t *testing.T, from, to net.Conn, message, got []byte) (err error) {
	t.Helper()
	from.Write(message)
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(to, got)
		read <- err
	}()
	e.until(t, "a small message arrives", func() bool {
		select {
		case err = <-read:
			return true
		default:
			return false
		}
	})
	return err
}

// waiting waits until this many bytes can be read.
func waiting(t *testing.T, fd, n int) {
	t.Helper()
	until(t, fmt.Sprintf("%d bytes have come", n), func() bool {
		have, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err == nil && have >= n
	})
}

// Small splices one after the other, without a pause between them, end the splicing.
func TestSmallSplicesEnd(t *testing.T) {
	e := rig(t)
	ours, theirs := unixPair(t), unixPair(t)
	s := e.carry(t, ours[0], theirs[0])
	s.client.splicing = true
	var got []byte
	buffer := make([]byte, 4096)
	for i := range smallAfter + 1 {
		unix.Write(ours[1], noise(uint64(i), 100))
		e.quietly(s)
		n, _ := unix.Read(theirs[1], buffer)
		got = append(got, buffer[:max(0, n)]...)
		if s.client.pipe == nil {
			// A pause would release the pipe, and its count with it; keep it in use.
			if p := e.relay.pipes; len(p) == 1 && i < smallAfter-1 {
				s.client.pipe, e.relay.pipes = p[0], nil
				s.client.pipe.small = i + 1
			}
		}
	}
	if len(got) != 100*(smallAfter+1) {
		t.Errorf("%d bytes arrived", len(got))
	}
	if s.client.splicing {
		t.Errorf("still splicing after %d small ones", smallAfter)
	}
}

// quietly steps one session with both sides ready.
func (e *engine) quietly(s *session) {
	s.client.readable, s.client.writable, s.target.readable, s.target.writable = true, true, true, true
	e.step(s)
	e.runAgain()
}

// One iteration relays a limited amount: a busy session leaves the loop to others.
func TestRelayBudget(t *testing.T) {
	const message, messages = 1024, 60
	e := rig(t)
	e.buffer = make([]byte, message)
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	e.relay.pipes = append(e.relay.pipes, &pipe{r: fds[0], w: fds[1]}) // a splice moves one message
	ours, theirs := unixPair(t), unixPair(t)
	s := e.carry(t, ours[0], theirs[0])
	sent := noise(1, message*messages)
	for i := range messages {
		if n, err := unix.Write(ours[1], sent[i*message:(i+1)*message]); n != message || err != nil {
			t.Fatalf("message %d: %d, %v", i, n, err)
		}
	}
	s.client.readable, s.target.writable = true, true
	last := uint64(0)
	for step := 0; last < message*messages; step++ {
		if step == 0 {
			e.step(s)
		} else {
			e.runAgain()
		}
		moved := s.row.In.Load() - last
		last += moved
		if moved == 0 || moved > relayBudget*message || moved > message*messages/2 {
			t.Fatalf("step %d moved %d bytes; the budget is %d messages of %d", step, moved, relayBudget, message)
		}
		if last < message*messages && (!s.queued || len(e.runAgainSoon) != 1) {
			t.Fatalf("step %d: more to do, but not on the list (%d on it)", step, len(e.runAgainSoon))
		}
	}
	got := make([]byte, len(sent)+1)
	n := 0
	for e.quiet(); ; {
		m, err := unix.Read(theirs[1], got[n:])
		if err != nil || m == 0 {
			break
		}
		n += m
	}
	if !bytes.Equal(got[:n], sent) {
		t.Errorf("%d bytes arrived, want %d", n, len(sent))
	}
}

// A session on the list of those with more to do may end before it is served.
func TestQueuedSessionThatEnded(t *testing.T) {
	e := rig(t)
	s, _, _ := pair(t, e)
	e.later(s)
	e.later(s)
	if len(e.runAgainSoon) != 1 {
		t.Fatalf("%d times on the list", len(e.runAgainSoon))
	}
	e.abort(s, board.Cut)
	e.runAgain()
	if e.outcomes(board.Cut) != 1 || s.queued || len(e.runAgainSoon) != 0 {
		t.Errorf("ended %d times, queued %v", e.outcomes(board.Cut), s.queued)
	}
}

// A pipe with bytes in it is closed; an empty one is kept, up to a limit.
func TestPipesAreKept(t *testing.T) {
	before := descriptors(t)
	var r relay
	var taken []*side
	for range sparePipes + 3 {
		p, errno := r.takePipe()
		if errno != 0 {
			t.Fatal(errno)
		}
		p.small = 5
		taken = append(taken, &side{pipe: p})
	}
	taken[0].pipe.held = 1
	for _, d := range taken {
		r.releasePipe(d)
		r.releasePipe(d) // no pipe to release: no effect
	}
	if len(r.pipes) != sparePipes {
		t.Errorf("%d spare pipes, want %d", len(r.pipes), sparePipes)
	}
	for _, p := range r.pipes {
		if p.held != 0 || p.small != 0 {
			t.Error("a spare pipe remembers its last session")
		}
		kernel.Close(p.r)
		kernel.Close(p.w)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
