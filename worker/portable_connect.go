//go:build !linux || portable

package worker

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address"
	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/record"
)

// failure is why a connect did not succeed.
type failure struct {
	what  string // the step that failed; empty is connect
	errno syscall.Errno
	peer  bool // the target is marked failed, see fault
	cut   bool // the client has reset its connection meanwhile, and left nothing
}

// connect tries one target after the other for the same client. Without ok, no
// one is left, and the session ends with the outcome.
func (s *session) connect() (outcome board.Outcome, ok bool) {
	for {
		if s.gone != 0 && s.patience() <= 0 {
			return s.unreached(), false
		}
		if !s.choose() {
			if s.short && s.parks() {
				continue
			}
			return s.unreached(), false
		}
		s.failure = s.dial()
		if s.ends() {
			return board.AdminEnded, false
		}
		if s.failure.errno == 0 {
			s.connected()
			return 0, true
		}
		if s.failure.cut {
			return s.deserted(s.failure.errno), false
		}
		s.missed()
		via := s.board.Assignment.Via.Kind != 0
		if s.short && (via || !portless(s.failure.what, s.failure.errno)) && s.parks() {
			continue
		}
		if via {
			return s.unreached(), false // all targets are behind the same proxy
		}
	}
}

// parks waits a moment for descriptors, memory or ports to connect with, as
// other clients do in the kernel's queue: for no longer than a connect may take.
// Then it may try all targets again.
func (s *session) parks() bool {
	s.lock()
	if s.clock.mono > s.row.BeginAt+int64(s.board.Assignment.ConnectTimeout)*int64(time.Millisecond) {
		s.mu.Unlock()
		return false
	}
	s.slot, s.short, s.tried = -1, false, board.Tried{}
	s.mu.Unlock()
	time.Sleep(resources)
	return true
}

// choose takes the session's next target.
func (s *session) choose() bool {
	s.lock()
	defer s.mu.Unlock()
	if s.slot >= 0 {
		s.tried.Add(s.slot)
	}
	slot, ok := s.board.Choose(&s.tried, &s.row.Client, s.clock.ms())
	if ok {
		if s.slot >= 0 {
			s.column.Redispatches.Add(1)
		}
		s.slot = slot
		s.row.Choose(uint16(slot))
		s.board.TargetState(slot).Connects.Add(1)
		if s.bell.told {
			s.show()
		}
	}
	s.tellSoon()
	return ok
}

// dial connects to the session's target.
func (s *session) dial() failure {
	b, to := s.board, s.goesTo(s.slot)
	if s.isOwn(s.slot, to) {
		return failed("", unix.ELOOP)
	}
	fd, err := unix.Socket(kernel.Family(to), unix.SOCK_STREAM, 0)
	if err != nil {
		return failed("socket", errnoOf(err))
	}
	target, err := openSocket(fd)
	if err != nil {
		return failed("socket", errnoOf(err))
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
	if b.Assignment.Options&board.OptKeepalive != 0 {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	}
	f := s.bindSource(fd, to)
	if f.errno == 0 {
		s.dials(target)
		s.within(target, time.Now().Add(s.patience()))
		f.errno = errnoOf(unix.Connect(fd, kernel.ToUnix(to)))
		if f.errno == unix.EINPROGRESS || f.errno == unix.EINTR {
			stop := s.guard(target)
			f.errno = target.connected()
			if gone := stop(); gone != 0 {
				target.reset() // it may be connected by now, and would see an end
				target.close()
				return failure{errno: gone, cut: true}
			}
			// A connect that is under way is refused, never reset (RFC 9293 section
			// 3.10.7.3): it was connected, and has perhaps said something before.
			if f.errno == unix.ECONNRESET || f.errno == unix.EPIPE {
				f.errno = 0
			}
		}
		s.dials(nil)
		if f.errno == 0 {
			f.errno = s.checksClosely(fd, to)
		}
		f.errno = connectErrno(f.errno, to)
		f.peer = marks("", f.errno) && to.LoadZone() != address.NoInterface
	}
	if f.errno != 0 {
		target.reset() // what has hurried the wait may have come just after the connection
		target.close()
		return f
	}
	s.within(target, time.Time{})
	s.lock()
	s.target = target
	s.mu.Unlock()
	return f
}

// patience is how long a connect may take, and a proxy's reply: for a client that has
// gone, and left bytes, no longer than the session may.
func (s *session) patience() time.Duration {
	limit := time.Duration(s.board.Assignment.ConnectTimeout) * time.Millisecond
	if s.gone != 0 {
		limit = min(limit, time.Until(s.leaveBy))
	}
	return limit
}

// checksClosely is lookClosely under the mutex.
func (s *session) checksClosely(fd int, to *board.Addr) syscall.Errno {
	s.lock()
	defer s.mu.Unlock()
	return s.checkClosely(fd, s.slot, to)
}

// connected notes that the session's target was connected.
func (s *session) connected() {
	s.lock()
	defer s.mu.Unlock()
	s.connects(s.row, s.slot)
	s.reach(s.row, s.afterConnect())
	if s.board.Good(s.slot) {
		s.records.debug("target good again", record.Str("target", s.records.target(s.slot).full))
	}
	if s.board.Assignment.Options&board.OptLog != 0 {
		s.records.connected(&s.row.Client, s.slot)
	}
}

// deserted is the end of a session whose client has reset its connection.
func (s *session) deserted(errno syscall.Errno) board.Outcome {
	s.lock()
	defer s.mu.Unlock()
	s.row.Errno.Store(uint32(errno))
	s.who = board.ByClient
	return board.Cut
}

// missed notes that the session's target could not be connected.
func (s *session) missed() {
	s.lock()
	defer s.mu.Unlock()
	f, first := s.failure, false
	scarce := faultOf(f.what, f.errno) == shortage
	s.short = s.short || scarce
	switch {
	case scarce: // a shortage of this host, over in a moment
		first = s.board.ShouldLog(board.LogConnect, s.clock.ms())
	case s.board.Assignment.Via.Kind != 0: // the proxy's fault, not the target's
		first = s.board.ShouldLog(board.LogProxy, s.clock.ms())
		if f.peer {
			s.board.Miss(s.slot, s.clock.ms())
			s.board.TargetState(s.slot).Errno.Store(uint32(f.errno))
		}
	case f.peer:
		first = s.board.Fail(s.slot, s.clock.ms())
		s.board.TargetState(s.slot).Errno.Store(uint32(f.errno))
	default:
		first = s.board.ShouldLog(board.LogConnect, s.clock.ms())
	}
	if first { // not again for each client, until it was good in between
		what := f.what
		if what == "" {
			what = "connect " + s.records.target(s.slot).full
		}
		s.records.error(what, connectLimit(f.what, f.errno))
	}
}

// unreached is the end of a session that has tried all targets.
func (s *session) unreached() board.Outcome {
	if s.gone != 0 { // first; it had left bytes
		return s.deserted(s.gone)
	}
	s.lock()
	defer s.mu.Unlock()
	s.row.Errno.Store(uint32(s.failure.errno))
	if s.board.Assignment.Options&board.OptLog != 0 && s.slot >= 0 {
		s.records.connected(&s.row.Client, s.slot)
	}
	s.noTargets(s.slot)
	s.who = s.culprit(&s.failure)
	if s.failure.errno != 0 && !s.failure.peer {
		return board.Denied
	}
	return board.Unreached
}
