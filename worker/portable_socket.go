//go:build !linux || portable

// A descriptor in Go's network poller, with deadlines and errors as the portable engine
// needs them.

package worker

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/kernel"
)

// socket is a descriptor in Go's network poller. It is not a net.Conn, which would switch
// keepalive on, with its own times, and would name IPv6 zones, which the board has as
// numbers.
type socket struct {
	file  *os.File
	raw   syscall.RawConn
	ended atomic.Bool // shut was called
	atEnd atomic.Bool // the peer's end was read

	wasReset atomic.Bool  // the error was taken
	errno    atomic.Int32 // with which its session delivers what it sent; 0 without

	mu      sync.Mutex // held during shut and lost, and to set deadlines
	hurried bool       // no deadline is set any more
	hushed  bool       // nothing is read any more
}

// openSocket takes over a descriptor. If it fails, the descriptor is closed.
func openSocket(fd int) (*socket, error) {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "socket")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &socket{file: file, raw: raw}, nil
}

// close wakes all goroutines that wait for the socket, and returns when it is closed.
func (s *socket) close() { s.file.Close() }

// reset makes close send a reset.
func (s *socket) reset() { s.raw.Control(func(fd uintptr) { kernel.ResetAtClose(int(fd)) }) }

// write returns when all of p has been given to the kernel, or after an error. A slow
// receiver makes it wait, and thus the sender.
func (s *socket) write(p []byte) (n int, errno syscall.Errno) {
	n, err := s.file.Write(p)
	return n, errnoOf(err)
}

// offer writes what the socket takes without waiting.
func (s *socket) offer(p []byte) (n int, errno syscall.Errno) {
	err := s.raw.Write(func(fd uintptr) bool {
		n, errno = kernel.Write(int(fd), p)
		return true
	})
	switch {
	case errno == syscall.EAGAIN:
		return 0, 0
	case errno == 0:
		errno = errnoOf(err)
	}
	return max(0, n), errno
}

// shut passes on the end of a direction. After a reset there is nothing to shut.
func (s *socket) shut() {
	s.mu.Lock() // lost must not run in between
	defer s.mu.Unlock()
	s.raw.Control(func(fd uintptr) {
		if unix.Shutdown(int(fd), unix.SHUT_WR) == nil {
			s.ended.Store(true)
		}
	})
}

// lost reports whether a read of 0 bytes was a reset rather than an end: another call, a
// watch or a write, has taken the error. A half-open connection still has a peer
// (getpeername(2)), one that was ended in both directions has none. If the socket is
// closed, its session is over, and there is no end to pass on either.
func (s *socket) lost() (gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := s.raw.Control(func(fd uintptr) {
		_, err := unix.Getpeername(int(fd))
		gone = err != nil
	})
	return closed != nil || s.wasReset.Load() || gone && !s.ended.Load()
}

// hurry ends every wait for the socket, now and from now on.
func (s *socket) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = true
	s.file.SetDeadline(longAgo)
}

// readBy ends waits for bytes at the deadline; the zero time is never.
func (s *socket) readBy(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hurried && !s.hushed {
		s.file.SetReadDeadline(deadline)
	}
}

// hush ends waits for bytes, now and from now on.
func (s *socket) hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hushed = true
	s.file.SetReadDeadline(longAgo)
}

// by ends all waits at the deadline; the zero time is never.
func (s *socket) by(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hurried {
		s.file.SetDeadline(deadline)
	}
}

// connected waits until a connect in progress has succeeded, or returns its error.
func (s *socket) connected() (errno syscall.Errno) {
	err := s.raw.Write(func(fd uintptr) bool {
		if errno = pendingError(fd); errno != 0 {
			return true
		}
		_, err := unix.Getpeername(int(fd)) // a poller may wake without a reason
		return err == nil
	})
	if errno == 0 {
		errno = errnoOf(err)
	}
	return errno
}

// broken waits for a reset of a peer that has ended its direction: nobody reads from it
// any more who would notice. It returns 0 when the socket is closed.
func (s *socket) broken() (errno syscall.Errno) {
	s.raw.Read(func(fd uintptr) bool {
		errno = pendingError(fd)
		return errno != 0
	})
	if errno != 0 {
		s.wasReset.Store(true)
	}
	return errno
}

// pendingError takes the socket's pending error (getsockopt(2) SO_ERROR).
func pendingError(fd uintptr) syscall.Errno {
	value, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return errnoOf(err)
	}
	return syscall.Errno(value)
}

// errnoOf is the error number that a row or record shows for an error; 0 for none.
func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, os.ErrDeadlineExceeded):
		return unix.ETIMEDOUT
	}
	return unix.EBADF // closed
}
