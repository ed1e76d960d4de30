//go:build !linux || portable

package worker

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is a descriptor in Go's network poller. It is no net.Conn: that would
// switch keepalive on, with times of its own, and name IPv6 zones that the
// board has by number.
type socket struct {
	file  *os.File
	raw   syscall.RawConn
	ended atomic.Bool // shut was called
}

// openSocket takes a descriptor over; after an error it is closed.
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

// close wakes whoever waits for the socket, and returns when it is closed.
func (s *socket) close() { s.file.Close() }

// reset makes close send a reset.
func (s *socket) reset() { s.raw.Control(func(fd uintptr) { reset(int(fd)) }) }

// write returns when all of p is on its way. A slow receiver makes it wait, and
// so the sender.
func (s *socket) write(p []byte) syscall.Errno {
	_, err := s.file.Write(p)
	return errnoOf(err)
}

// shut passes the end of a direction on.
func (s *socket) shut() {
	s.ended.Store(true)
	s.raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_WR) })
}

// lost tells that an end was no end: the peer has reset the connection, and who
// wrote to it at the same time was told of it in our place. A connection that is
// half open has a peer yet (getpeername(2)); one whose two ends were passed has not.
// If the socket is closed, its session is over, and there is no end to pass either.
func (s *socket) lost() (gone bool) {
	closed := s.raw.Control(func(fd uintptr) {
		_, err := unix.Getpeername(int(fd))
		gone = err != nil
	})
	return closed != nil || gone && !s.ended.Load()
}

// hurry ends every wait for the socket, now and from now on.
func (s *socket) hurry() { s.file.SetDeadline(longAgo) }

// connected waits until a connect that is under way has succeeded, or gives
// its error.
func (s *socket) connected() (errno syscall.Errno) {
	err := s.raw.Write(func(fd uintptr) bool {
		if errno = pendingError(fd); errno != 0 {
			return true
		}
		_, err := unix.Getpeername(int(fd)) // a poller may wake for nothing
		return err == nil
	})
	if errno == 0 {
		errno = errnoOf(err)
	}
	return errno
}

// broken waits for a reset of a peer that has ended its direction, after which
// nobody reads who would notice. It returns 0 when the socket is closed.
func (s *socket) broken() (errno syscall.Errno) {
	s.raw.Read(func(fd uintptr) bool {
		errno = pendingError(fd)
		return errno != 0
	})
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
