//go:build !linux || portable

package worker

import (
	"syscall"
	"time"
)

// longAgo as a deadline ends a wait at once.
var longAgo = time.Unix(1, 0)

// watch waits beside its caller for a reset of s, which nobody reads meanwhile,
// and ends then what the caller waits for. The function that it returns ends
// the watch, and gives the reset's error.
func (s *socket) watch(end func()) (reset func() syscall.Errno) {
	seen := make(chan syscall.Errno, 1)
	go func() {
		errno := s.broken()
		if errno != 0 {
			end()
		}
		seen <- errno
	}()
	return func() syscall.Errno {
		s.file.SetReadDeadline(longAgo)
		errno := <-seen
		s.file.SetReadDeadline(time.Time{})
		return errno
	}
}

// pass writes what came from one side to the other. A sender that resets while
// the receiver takes nothing ends the wait: it is how a direct connection would
// end, and nobody would notice otherwise. An error is blamed on its side.
func pass(p []byte, from, to *socket) (blamed *socket, errno syscall.Errno) {
	n, errno := to.offer(p)
	if errno != 0 || n == len(p) {
		return to, errno
	}
	reset := from.watch(func() { to.file.SetWriteDeadline(longAgo) })
	errno = to.write(p[n:])
	if gone := reset(); gone != 0 {
		return from, gone
	}
	return to, errno
}

// offer writes what the socket takes at once.
func (s *socket) offer(p []byte) (n int, errno syscall.Errno) {
	err := s.raw.Write(func(fd uintptr) bool {
		n, errno = write(int(fd), p)
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
