//go:build !linux || portable

// How the portable engine notices a client's reset while it waits for another socket.

package worker

import (
	"syscall"
	"time"
)

// longAgo, as a deadline, ends a wait at once.
var longAgo = time.Unix(1, 0)

// watch waits in the background for a reset of s, which is not read meanwhile, and calls
// broke with its error. The returned function ends the watch, and returns when it has
// ended.
func (s *socket) watch(broke func(syscall.Errno)) (stop func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		if errno := s.broken(); errno != 0 {
			broke(errno)
		}
	}()
	return func() {
		s.readBy(longAgo)
		<-over
		s.readBy(time.Time{})
	}
}

// guard watches for the client's reset while the session waits for another socket. A
// client that has left bytes is served, within --close-timeout. If it has left none, or
// after that time, the wait ends, and stop returns the reset's error.
func (s *session) guard(waitsFor *socket) (stop func() (gone syscall.Errno)) {
	var giveUp *time.Timer
	end := s.client.watch(func(errno syscall.Errno) {
		s.gone = errno
		patience := s.leaves()
		if !s.client.hasBytes() {
			patience = 0
		}
		giveUp = time.AfterFunc(patience, waitsFor.hurry)
	})
	return func() syscall.Errno {
		end()
		if giveUp != nil {
			giveUp.Stop()
		}
		if s.gone == 0 || s.client.hasBytes() && s.left(closeTimer) > 0 {
			return 0
		}
		return s.gone
	}
}

// leaves marks the session as one that must end within --close-timeout, counted from the
// first failure, and returns how long that is from now.
func (s *session) leaves() time.Duration {
	if s.due[closeTimer] == 0 {
		s.start(closeTimer)
	}
	return s.left(closeTimer)
}
