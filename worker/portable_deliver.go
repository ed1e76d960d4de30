//go:build !linux || portable

// One side has failed: it has reset, or can no longer be written to. The other side must
// have what the failed one sent before it learns of the failure, and a reset discards
// what the kernel has not sent yet. So the session delivers: the pump of the failed side
// reads it to its end and writes that to the surviving side, which is reset only when its
// kernel has acknowledged everything.

package worker

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// The pauses between two checks of the surviving side's queue: no event reports that a
// queue has become empty.
const (
	firstLook = time.Millisecond
	lastLook  = 50 * time.Millisecond
)

// deliver returns when the surviving side has what the failed side sent before, or when
// that is no longer possible.
func (s *session) deliver(failure ending, ends <-chan ending) board.Outcome {
	if s.ends() {
		return board.Cut
	}
	failed, survivor := failure.of, s.target
	if failed == s.target {
		survivor = s.client
	}
	s.who = failing(s.sideOf(failed), failure.errno)
	s.fails(failed, failure.errno)
	giveUp := time.NewTimer(s.leaves())
	defer giveUp.Stop()
	for whole := failure.whole; !whole; {
		select {
		case e := <-ends:
			if e.of == survivor && e.errno != 0 {
				survivor.errno.Store(int32(e.errno))
				return board.Cut
			}
			whole = e.of == failed && e.whole
		case <-giveUp.C:
			return board.Cut
		}
	}
	for pause := firstLook; !survivor.hasAll() && !s.ends(); pause = min(2*pause, lastLook) {
		select {
		case e := <-ends:
			if e.of == survivor && e.errno != 0 {
				survivor.errno.Store(int32(e.errno))
				return board.Cut
			}
		case <-time.After(pause):
		case <-giveUp.C:
			return board.Cut
		}
	}
	return board.Cut
}

// fails publishes that a side has failed, and that the session delivers its last bytes. It
// takes the mutex, because a signal may be ending the session.
func (s *session) fails(failed *socket, errno syscall.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed.errno.Store(int32(errno))
	s.failedAt = s.noteFailed(s.row, errno)
	s.delivering.Store(true)
}

// discard reads what can't be passed on any more: a side that writes before it reads
// would never get to read its last bytes.
func discard(from *socket, ends chan<- ending) {
	for {
		buffer, n, errno := from.take()
		if errno != 0 {
			ends <- ending{of: from, errno: errno}
			return
		}
		if n == 0 {
			break
		}
		buffers.Put(buffer)
	}
	from.atEnd.Store(true)
	if errno := from.broken(); errno != 0 {
		ends <- ending{of: from, errno: errno}
	}
}

// hasAll reports whether the peer's kernel has acknowledged everything that was written.
// Where the system can't report that, the peer is half-closed, and its own end counts as
// the acknowledgment.
func (s *socket) hasAll() (yes bool) {
	s.raw.Control(func(fd uintptr) {
		n, known := kernel.OutQueue(int(fd), s.ended.Load())
		yes = known && n == 0
		if !known {
			yes = s.atEnd.Load()
			if !s.ended.Swap(true) {
				unix.Shutdown(int(fd), unix.SHUT_WR)
			}
		}
	})
	return yes
}

// unacknowledged is how many of the written bytes the peer's kernel has not acknowledged,
// or 0 where the system can't report that.
func (s *socket) unacknowledged() (n int) {
	s.raw.Control(func(fd uintptr) { n, _ = kernel.OutQueue(int(fd), s.ended.Load()) })
	return n
}

// unsent is how many of the written bytes have not left this host; where the system can't
// report that, how many its peer's kernel has not acknowledged.
func (s *socket) unsent() (n int) {
	s.raw.Control(func(fd uintptr) { n, _ = kernel.UnsentQueue(int(fd), s.ended.Load()) })
	return n
}

// hasBytes reports whether there are bytes to be read.
func (s *socket) hasBytes() (yes bool) {
	s.raw.Control(func(fd uintptr) {
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		yes = err == nil && n > 0
	})
	return yes
}
