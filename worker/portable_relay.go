//go:build !linux || portable

package worker

import (
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/board"
)

// room is how much of a direction is in this process at most.
const room = 32 << 10

// buffers are for directions that have something to move: one that waits for
// its sender has none, so that idle sessions cost little.
var buffers = sync.Pool{New: func() any { return new([room]byte) }}

// relay moves both directions until both have ended, or one has failed.
func (s *session) relay() board.Outcome {
	ends := make(chan syscall.Errno, 4) // two of each pump: its end, and a reset after it
	s.pumps.Go(func() { pump(s.client, s.target, &s.row.In, ends) })
	s.pumps.Go(func() { pump(s.target, s.client, &s.row.Out, ends) })
	for range 2 {
		if errno := <-ends; errno != 0 {
			s.row.Errno.Store(uint32(errno))
			return board.Cut
		}
	}
	return board.Complete
}

// pump moves one direction on, tells its end, and then stays to tell a reset of
// the sender. It counts as it reads, for the line of a worker that is killed.
func pump(from, to *socket, count *atomic.Uint64, ends chan<- syscall.Errno) {
	for {
		buffer, n, errno := from.take()
		if errno != 0 {
			ends <- errno
			return
		}
		if n == 0 {
			buffers.Put(buffer)
			break
		}
		count.Add(uint64(n))
		errno = pass(buffer[:n], from, to)
		buffers.Put(buffer)
		if errno != 0 {
			ends <- errno
			return
		}
	}
	to.shut()
	ends <- 0
	if errno := from.broken(); errno != 0 {
		ends <- errno
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
