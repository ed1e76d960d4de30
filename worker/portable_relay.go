//go:build !linux || portable

// How the portable engine moves bytes: a goroutine for each direction.

package worker

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// room is how many bytes of a direction are in this process at most.
const room = 32 << 10

// buffers are for directions that have bytes to relay: one that waits for its sender has
// no buffer, so that idle sessions cost little.
var buffers = sync.Pool{New: func() any { return new([room]byte) }}

// ending is what a pump reports about one of its sides: its end, or its error.
type ending struct {
	of    *socket
	errno syscall.Errno
	whole bool // everything that it sent was passed on
}

// relay relays both directions until both have ended, or a side has failed and the other
// one has received its last bytes.
func (s *session) relay() board.Outcome {
	ends := make(chan ending, 8) // of each pump: two resets, a failed write, an end
	s.pumps.Go(func() { pump(s.client, s.target, &s.in, ends) })
	s.pumps.Go(func() { pump(s.target, s.client, &s.out, ends) })
	s.relaying()
	first, struck := s.nextEnd(ends)
	if struck {
		return s.farewell(ends)
	}
	if first.errno != 0 {
		return s.deliver(first, ends)
	}
	s.who = s.sideOf(first.of)
	s.reaches(board.HalfClosed)
	s.halfCloses()
	next, struck := s.nextEnd(ends)
	if struck {
		return s.farewell(ends)
	}
	if next.errno != 0 {
		next.whole = next.whole || next.of == first.of
		return s.deliver(next, ends)
	}
	return board.Complete
}

// sideOf is whose socket it is: the client's or the target's.
func (s *session) sideOf(of *socket) board.Culprit {
	if of == s.client {
		return board.ByClient
	}
	return board.ByTarget
}

// pump relays one direction, reports its end, and then stays to report a reset of the
// sender. It counts as it reads, so that the line of a killed worker is right.
func pump(from, to *socket, count *meter, ends chan<- ending) {
	for {
		buffer, n, errno := from.take()
		if errno != 0 {
			ends <- ending{from, errno, true}
			return
		}
		if n == 0 {
			break
		}
		count.add(n)
		errno = pass(buffer[:n], from, to, count, ends)
		buffers.Put(buffer)
		if errno != 0 {
			ends <- ending{of: to, errno: errno}
			discard(from, ends)
			return
		}
	}
	ends <- ending{from, 0, true} // before the shut: the other side may answer it with its own end
	to.shut()
	if errno := from.broken(); errno != 0 {
		ends <- ending{from, errno, true}
	}
}

// pass writes what came from one side to the other. If the sender resets while the
// receiver takes nothing, this is reported at once: the time to deliver its last bytes is
// running.
func pass(p []byte, from, to *socket, count *meter, ends chan<- ending) syscall.Errno {
	n, errno := to.offer(p)
	count.passed(n)
	if errno != 0 || n == len(p) {
		return errno
	}
	stop := from.watch(func(errno syscall.Errno) { ends <- ending{of: from, errno: errno} })
	defer stop()
	n, errno = to.write(p[n:])
	count.passed(n)
	return errno
}

// take waits for bytes and reads them into a buffer, which the caller then owns. No bytes
// and no error mean the end.
func (s *socket) take() (buffer *[room]byte, n int, errno syscall.Errno) {
	err := s.raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[room]byte)
		n, errno = kernel.Read(int(fd), buffer[:])
		if errno == 0 && n > 0 {
			return true
		}
		buffers.Put(buffer)
		n = 0
		return errno != unix.EAGAIN
	})
	switch {
	case err != nil:
		errno = errnoOf(err)
	case n == 0 && errno == 0 && s.lost():
		errno = unix.ECONNRESET
	}
	return buffer, n, errno
}
