//go:build !linux || portable

// How the portable engine connects a session to its target. What a failed connect means is
// decided in connecting.go.

package worker

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// connect tries one target after another for the same client. If ok is false, no target
// is left, and the session ends with the outcome.
func (s *session) connect() (outcome board.Outcome, ok bool) {
	for {
		if s.gone != 0 && s.patience(connectTimer) <= 0 {
			return s.unreached(), false
		}
		if !s.choose() {
			if s.short && s.parks() {
				continue
			}
			return s.unreached(), false
		}
		var cut bool
		s.failure, cut = s.dial()
		if s.ends() {
			return board.AdminEnded, false
		}
		if cut {
			return s.deserted(s.gone), false
		}
		if s.failure.errno == 0 {
			s.connected()
			return 0, true
		}
		s.missed()
		if s.short && s.worthWaiting(s.failure) && s.parks() {
			continue
		}
		if s.viaProxy() {
			return s.unreached(), false // all targets are behind the same proxy
		}
	}
}

// parks waits a moment for descriptors, memory or ports, if the session may wait. After
// that, it may try all targets again.
func (s *session) parks() bool {
	s.lock()
	if !s.mayWait(s.row) {
		s.mu.Unlock()
		return false
	}
	s.slot, s.short, s.tried = -1, false, board.Tried{}
	s.mu.Unlock()
	time.Sleep(resources)
	return true
}

// choose chooses the session's next target.
func (s *session) choose() (ok bool) {
	s.lock()
	defer s.mu.Unlock()
	s.slot, ok = s.nextTarget(s.row, s.slot, &s.tried)
	if ok && s.bell.told {
		s.show()
	}
	s.tellSoon()
	return ok
}

// dial connects to the session's target. It stops early if the client resets its
// connection meanwhile and has left nothing.
func (s *session) dial() (f failure, cut bool) {
	b, to := s.board, s.goesTo(s.slot)
	if s.isOwn(s.slot, to) {
		return failed("", unix.ELOOP), false
	}
	fd, err := unix.Socket(kernel.Family(to), unix.SOCK_STREAM, 0)
	if err != nil {
		return failed("socket", errnoOf(err)), false
	}
	target, err := openSocket(fd)
	if err != nil {
		return failed("socket", errnoOf(err)), false
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
	if b.Assignment.Options&board.OptKeepalive != 0 {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	}
	if f = s.bindSource(fd, to); f.errno == 0 {
		errno, cut := s.finishConnect(fd, target, to)
		if cut {
			target.reset() // it may be connected by now, and would see an end
			target.close()
			return failure{}, true
		}
		f = connectFailure(errno, to)
	}
	if f.errno != 0 {
		target.reset() // the deadline may have passed just after it was connected
		target.close()
		return f, false
	}
	s.within(target, time.Time{})
	s.lock()
	s.target = target
	s.mu.Unlock()
	return f, false
}

// finishConnect connects the socket and waits for it. It stops early if the client resets
// its connection meanwhile.
func (s *session) finishConnect(fd int, target *socket, to *board.Addr) (errno syscall.Errno, cut bool) {
	s.dials(target)
	defer s.dials(nil)
	s.within(target, time.Now().Add(s.patience(connectTimer)))
	errno = errnoOf(unix.Connect(fd, kernel.ToUnix(to)))
	if errno == unix.EINPROGRESS || errno == unix.EINTR {
		stop := s.guard(target)
		errno = target.connected()
		if stop() != 0 {
			return 0, true
		}
		// A connect in progress is refused, never reset (RFC 9293 section 3.10.7.3):
		// after a reset, the target was connected, and may have sent something before.
		if errno == unix.ECONNRESET || errno == unix.EPIPE {
			errno = 0
		}
	}
	if errno == 0 {
		errno = s.checksClosely(fd, to)
	}
	return errno, false
}

// running are a session's timers for which it waits: when each is due, in monotonic ns; 0
// if it does not run.
type running [timers]int64

// nearest is the timer that is due first.
func (r *running) nearest() (t timer) {
	at := kernel.Never
	for kind, due := range r {
		if due != 0 && due < at {
			t, at = timer(kind), due
		}
	}
	return t
}

// start starts or restarts a timer.
func (s *session) start(t timer) { s.due[t] = s.clock.now() + s.lasts(t) }

// left is how long it is until a timer is due.
func (s *session) left(t timer) time.Duration { return time.Duration(s.due[t] - s.clock.now()) }

// patience is how long a connect, or a proxy's reply, may take. For a client that has gone
// and left bytes, it is no longer than the session may last.
func (s *session) patience(t timer) time.Duration {
	s.due[connectTimer] = 0
	s.start(t)
	return s.left(s.due.nearest())
}

// checksClosely is checkClosely under the mutex.
func (s *session) checksClosely(fd int, to *board.Addr) syscall.Errno {
	s.lock()
	defer s.mu.Unlock()
	return s.checkClosely(fd, s.slot, to)
}

// connected records that the session is connected to its target.
func (s *session) connected() {
	s.lock()
	defer s.mu.Unlock()
	s.noteConnected(s.row, s.slot)
}

// missed records that the session's target could not be connected.
func (s *session) missed() {
	s.lock()
	defer s.mu.Unlock()
	s.short = s.noteMissed(s.slot, s.failure) || s.short
}

// deserted is the end of a session whose client has reset its connection.
func (s *session) deserted(errno syscall.Errno) board.Outcome {
	s.lock()
	defer s.mu.Unlock()
	s.who = noteDeserted(s.row, errno)
	return board.Cut
}

// unreached is the end of a session that has tried all targets.
func (s *session) unreached() (outcome board.Outcome) {
	if s.gone != 0 { // its failure came first; it had left bytes
		return s.deserted(s.gone)
	}
	s.lock()
	defer s.mu.Unlock()
	outcome, s.who = s.noteUnreached(s.row, s.slot, s.failure)
	return outcome
}
