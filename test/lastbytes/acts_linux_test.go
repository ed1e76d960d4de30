// TestLastBytes: one side of a connection that plays its script.

package lastbytes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/harness"
)

const (
	instant  = 20 * time.Millisecond // within which a side that can send does
	standing = 80 * time.Millisecond // within which a scenario that continues shows some movement
)

// noiseTable has the bytes that both sides send parts of: random, so that
// bytes in a wrong position are found.
var noiseTable = sync.OnceValue(func() []byte {
	b := make([]byte, 2*mostSent+4096)
	harness.Stream(18).Read(b)
	return b
})

// side is one end of the connection while a scenario is played.
type side struct {
	part
	c     *net.TCPConn
	raw   syscall.RawConn
	peer  *side
	until time.Time

	mine, theirs []byte // what this side sends, and what it should receive

	sent, got   atomic.Int64
	sendingAt   atomic.Int64 // when it last sent something, in ns
	movedAt     atomic.Int64 // when it last did something
	done        atomic.Bool  // all acts are done
	readingEnds chan struct{}

	mu sync.Mutex
	seen
}

func newSide(p part, until time.Time, mine, theirs []byte) *side {
	s := &side{part: p, until: until, mine: mine, theirs: theirs, readingEnds: make(chan struct{})}
	s.begin()
	return s
}

// begin gives a side some time to act before it counts as idle.
func (s *side) begin() {
	s.move()
	s.sendingAt.Store(time.Now().UnixNano())
}

func (s *side) move() { s.movedAt.Store(time.Now().UnixNano()) }

// note changes the record of what was seen.
func (s *side) note(f func(*seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.seen)
}

// play acts and reads on a connection until both have finished.
func (s *side) play(c *net.TCPConn) {
	s.begin()
	s.c = c
	s.raw, _ = c.SyscallConn()
	c.SetDeadline(s.until)
	if s.reads.room > 0 {
		c.SetReadBuffer(s.reads.room)
	}
	go func() {
		defer close(s.readingEnds)
		s.read()
	}()
	for _, a := range s.acts {
		s.step(a)
	}
	if s.end() == fins {
		if !s.finSent && !s.does(breaks) {
			s.fin()
		}
		<-s.readingEnds
		s.awaitBreak()
		c.Close()
	}
	<-s.readingEnds
	s.done.Store(true)
}

func (s *side) step(a step) {
	defer s.move()
	switch a.do {
	case sends:
		s.send(a.n, s.until)
	case crams:
		s.send(a.n, time.Time{})
	case urges:
		s.urge(a.n)
	case acked:
		s.await("the acknowledgement of everything", func() bool { return s.queue(unix.SIOCOUTQ) == 0 || s.standstill() })
	case gets:
		s.await(fmt.Sprintf("byte %d", a.n), func() bool {
			return s.got.Load() >= int64(a.n) || s.hasRead() || s.peer.sent.Load() < int64(a.n) && s.standstill()
		})
	case rests:
		s.await("the other side's rest", s.peer.idle)
	case breaks:
		<-s.readingEnds
		s.awaitBreak()
	case fins:
		s.fin()
	case resets, closes:
		s.leave(a.do == resets)
	}
}

// await waits for something that must happen.
func (s *side) await(what string, cond func() bool) {
	if !harness.HoldsWithin(time.Until(s.until), cond) {
		s.note(func(n *seen) { n.stuck = what })
	}
}

// idle reports whether a side sends nothing: it has finished, or is waiting.
func (s *side) idle() bool {
	return s.done.Load() || time.Now().UnixNano()-s.sendingAt.Load() > int64(instant)
}

// standstill reports whether nothing at all has moved for a while, which means
// that both sides wait for each other.
func (s *side) standstill() bool {
	last := max(s.movedAt.Load(), s.peer.movedAt.Load(), s.sendingAt.Load(), s.peer.sendingAt.Load())
	return time.Now().UnixNano()-last > int64(standing)
}

func (s *side) hasRead() bool {
	select {
	case <-s.readingEnds:
		return true
	default:
		return false
	}
}

// send sends n bytes before a deadline; without one, until nothing is accepted
// for a short time.
func (s *side) send(n int, deadline time.Time) {
	const piece = 128 << 10
	for n > 0 {
		if deadline.IsZero() {
			s.c.SetWriteDeadline(time.Now().Add(instant))
		}
		at := s.sent.Load()
		m, err := s.c.Write(s.mine[at : at+int64(min(n, piece))])
		n -= m
		s.took(m, err)
		if err != nil {
			break
		}
	}
	s.c.SetWriteDeadline(s.until)
}

// took records the result of a send.
func (s *side) took(n int, err error) {
	if n > 0 {
		s.sent.Add(int64(n))
		s.sendingAt.Store(time.Now().UnixNano())
	}
	if broken(err) {
		s.note(func(n *seen) { n.reset = true })
	} else if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().After(s.until) {
		s.note(func(n *seen) { n.stuck = "room for its bytes" })
	}
}

// broken reports whether an error means that the other side has reset.
func broken(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// urge sends n bytes in one piece, with an urgent pointer to the last one.
func (s *side) urge(n int) {
	err, at := error(nil), s.sent.Load()
	p := s.mine[at : at+int64(n)]
	waited := s.raw.Write(func(fd uintptr) bool {
		n, err = unix.SendmsgN(int(fd), p, nil, nil, unix.MSG_OOB|unix.MSG_NOSIGNAL)
		return err != unix.EAGAIN
	})
	if err == nil {
		err = waited
	}
	s.took(max(0, n), err)
}

// fin half-closes; after a reset there is nothing to close.
func (s *side) fin() {
	s.c.CloseWrite()
	s.note(func(n *seen) { n.finSent = true })
}

// segment is the most that loopback carries at once.
const segment = 64 << 10

// leave ends a side's connection. Its kernel must acknowledge what it has
// received at once, and not up to 40 ms later; it does so except for a last
// segment that was not read, and not after a half-close. The read bytes are
// counted before the unread ones, so that no byte is counted twice.
func (s *side) leave(reset bool) {
	got := s.got.Load()
	acked, unread := s.sent.Load()-int64(s.queue(unix.SIOCOUTQ)), int64(s.queue(unix.SIOCINQ))
	come := got + unread
	switch {
	case s.finSent:
		come = 0
	case unread > 0:
		come = max(0, come-segment)
	}
	s.note(func(n *seen) { n.acked, n.come = max(0, acked), come })
	s.raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	if reset {
		s.c.SetLinger(0)
	}
	s.c.Close()
}

// queue returns how much is in one of the socket's queues.
func (s *side) queue(which uint) (n int) {
	s.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), which) })
	return n
}

// read reads in this side's way, until the end or an error.
func (s *side) read() {
	if s.reads.never {
		return
	}
	if s.reads.late {
		s.await("the other side's rest, to read", s.peer.idle)
	}
	b := make([]byte, min(max(1, s.reads.piece), 256<<10))
	if s.reads.piece == 0 {
		b = make([]byte, 128<<10)
	}
	for {
		n, err := s.c.Read(b)
		s.take(b[:n])
		switch {
		case err == io.EOF:
			s.note(func(n *seen) { n.fin = true })
			return
		case broken(err):
			s.note(func(n *seen) { n.reset = true })
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.note(func(n *seen) { n.stuck = "the end" })
			return
		case err != nil:
			return // this side has closed it
		}
		if s.reads.pause > 0 {
			harness.Passed(s.reads.pause)
		}
	}
}

// take compares the received bytes with the expected ones.
func (s *side) take(p []byte) {
	at := s.got.Load()
	want := s.theirs[min(at, int64(len(s.theirs))):]
	want = want[:min(len(p), len(want))]
	if !bytes.Equal(p, want) {
		s.note(func(n *seen) {
			if n.wrong == "" {
				n.wrong = fmt.Sprintf("of the %d bytes from byte %d on, not all are those that were sent", len(p), at)
			}
		})
	}
	s.got.Add(int64(len(p)))
	s.move()
}

// awaitBreak waits until the connection is over in both directions, and checks
// whether it was reset.
func (s *side) awaitBreak() {
	var events int16
	s.await("the end of the connection", func() bool {
		s.raw.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd)}}
			unix.Poll(p, 0)
			events = p[0].Revents
		})
		return events != 0
	})
	if events&unix.POLLERR != 0 {
		s.note(func(n *seen) { n.reset = true })
	}
}
