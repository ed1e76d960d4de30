//go:build !linux || portable

package worker

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// room is how much of a direction is in this process at most.
const room = 32 << 10

// buffers are for directions that have something to move: one that waits for
// its sender has none, so that idle sessions cost little.
var buffers = sync.Pool{New: func() any { return new([room]byte) }}

// ending is what a pump tells of one of its sides: its end, or its error.
type ending struct {
	of    *socket
	errno syscall.Errno
}

// relay moves both directions until both have ended, or one has failed.
func (s *session) relay() board.Outcome {
	ends := make(chan ending, 4) // two of each pump: its end, and a reset after it
	s.pumps.Go(func() { pump(s.client, s.target, s.in(), ends) })
	s.pumps.Go(func() { pump(s.target, s.client, s.out(), ends) })
	for i := range 2 {
		end := <-ends
		side := board.ByTarget
		if end.of == s.client {
			side = board.ByClient
		}
		if end.errno != 0 {
			s.row.Errno.Store(uint32(end.errno))
			s.who = late(side, end.errno)
			return board.Cut
		}
		if i == 0 {
			s.who = side
			s.reach(s.row, board.HalfClosed)
		}
	}
	return board.Complete
}

// pump moves one direction on, tells its end, and then stays to tell a reset of
// the sender. It counts as it reads, for the line of a worker that is killed.
func pump(from, to *socket, count *meter, ends chan<- ending) {
	for {
		buffer, n, errno := from.take()
		if errno != 0 {
			ends <- ending{from, errno}
			return
		}
		if n == 0 {
			buffers.Put(buffer)
			if from.lost() {
				ends <- ending{from, unix.ECONNRESET}
				return
			}
			break
		}
		count.add(n)
		blamed, errno := pass(buffer[:n], from, to)
		buffers.Put(buffer)
		if errno != 0 {
			ends <- ending{blamed, errno}
			return
		}
	}
	ends <- ending{from, 0} // first, since the other side may answer with its own
	to.shut()
	if errno := from.broken(); errno != 0 {
		ends <- ending{from, errno}
	}
}

// take waits for bytes and reads them into a buffer, which is the caller's
// then; none are the end.
func (s *socket) take() (buffer *[room]byte, n int, errno syscall.Errno) {
	err := s.raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[room]byte)
		n, errno = read(int(fd), buffer[:])
		if errno == 0 {
			return true
		}
		buffers.Put(buffer)
		return errno != unix.EAGAIN
	})
	if err != nil {
		errno = errnoOf(err)
	}
	return buffer, n, errno
}
