//go:build linux && !portable

package worker

import (
	"syscall"
	"time"

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
}

// connect starts connecting the session to its next target; without one left
// the session ends.
func (e *engine) connect(s *session) {
	for {
		tried := &noneTried
		if s.slot >= 0 {
			tried = e.trial(s)
			tried.Add(s.slot)
		}
		slot, ok := e.board.Choose(tried, &s.row.Client, e.clock.ms())
		if !ok {
			if s.short && e.mayWait(s) {
				e.park(s)
				return
			}
			e.unreached(s)
			return
		}
		if s.slot >= 0 {
			e.column.Redispatches.Add(1)
		}
		s.slot = slot
		s.row.Choose(uint16(slot))
		e.board.TargetState(slot).Connects.Add(1)
		if f := e.dial(s); f.errno != 0 {
			e.missed(s, f)
			if s.short && (e.board.Assignment.Via.Kind != 0 || !portless(f.what, f.errno)) && e.mayWait(s) {
				e.park(s)
				return
			}
			if e.board.Assignment.Via.Kind != 0 {
				e.unreached(s)
				return
			}
			continue
		}
		e.due.add(s, e.clock.mono+e.connectTimeout())
		return
	}
}

func (e *engine) connectTimeout() int64 {
	return int64(e.board.Assignment.ConnectTimeout) * int64(time.Millisecond)
}

// parked is a session for which there was no socket.
type parked struct {
	*session
	epoch uint32
}

// mayWait reports whether a session may wait for what there is none of: for no
// longer than a connect may take.
func (e *engine) mayWait(s *session) bool {
	return e.clock.mono < s.row.BeginAt+e.connectTimeout()
}

// park lets a session wait for descriptors or ports as its fellows do in the
// kernel's queue, and takes no more clients meanwhile. Then it may try all targets
// again.
func (e *engine) park(s *session) {
	s.slot, s.short = -1, false
	if s.tried != nil {
		*s.tried = board.Tried{}
	}
	e.fdWaiters = append(e.fdWaiters, parked{s, s.epoch})
	e.accept.paused = e.clock.mono + int64(resources)
}

// retryParked tries the starved sessions again.
func (e *engine) retryParked() {
	list := e.fdWaiters
	e.fdWaiters = nil
	for _, s := range list {
		if s.state == connecting && s.session.epoch == s.epoch && s.target.fd < 0 {
			e.connect(s.session)
		}
	}
}

// noneTried is the set of a session that tries its first target.
var noneTried board.Tried

// trial is the session's set of tried targets; most sessions need none.
func (e *engine) trial(s *session) *board.Tried {
	if s.tried != nil {
		return s.tried
	}
	if n := len(e.trials); n > 0 {
		s.tried = e.trials[n-1]
		e.trials = e.trials[:n-1]
		*s.tried = board.Tried{}
	} else {
		s.tried = new(board.Tried)
	}
	return s.tried
}

// dial opens the socket of the session's target and starts its connect.
func (e *engine) dial(s *session) (f failure) {
	b, to := e.board, e.goesTo(s.slot)
	if e.isOwn(s.slot, to) {
		return failed("", syscall.ELOOP)
	}
	fd, errno := kernel.Socket(to)
	if errno != 0 {
		return failed("socket", errno)
	}
	s.target = side{fd: fd}
	kernel.SetOn(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	// Urgent bytes are read at their place. Clients' sockets have this from the listener.
	// Here it can't wait for the first mark: of two, the kernel throws the first byte
	// away before any event has told of it.
	kernel.SetOn(fd, syscall.SOL_SOCKET, syscall.SO_OOBINLINE)
	if b.Assignment.Options&board.OptKeepalive != 0 {
		kernel.SetOn(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	}
	if f = e.bindSource(fd, to); f.errno != 0 {
		return f
	}
	if errno := kernel.Connect(fd, to); errno != 0 {
		f = failed("", connectErrno(errno, to))
		f.peer = f.peer && to.LoadZone() != address.NoInterface
		return f
	}
	if errno := e.poll.Add(fd, peerEvents, kernel.MakeTag(onTarget, s.index, s.epoch)); errno != 0 {
		return failed("epoll", errno)
	}
	return failure{}
}

// stepConnect looks whether the connect has succeeded.
func (e *engine) stepConnect(s *session) {
	t := &s.target
	if t.failed || t.hangup && !t.writable {
		errno := kernel.SocketError(t.fd)
		if errno == syscall.ECONNRESET || errno == syscall.EPIPE || errno == 0 {
			// Refused it would be ECONNREFUSED: this target has accepted, perhaps
			// said something, and reset the connection before we looked.
			e.connected(s)
			t.fails(errno)
			t.fails(syscall.ECONNRESET) // if a call has taken it already
			if e.board.Assignment.Via.Kind != 0 {
				e.negotiate(s)
				return
			}
			e.fail(s, t)
			return
		}
		e.connectFailed(s, failed("", errno))
		return
	}
	if !t.writable {
		return
	}
	if errno := e.checkClosely(t.fd, s.slot, e.goesTo(s.slot)); errno != 0 {
		e.connectFailed(s, failed("", errno))
		return
	}
	e.connected(s)
	if e.board.Assignment.Via.Kind != 0 {
		e.negotiate(s)
		return
	}
	s.state = relaying
	e.stepRelay(s)
}

// connected notes that the session has its target.
func (e *engine) connected(s *session) {
	e.due.remove(s)
	e.connects(s.row, s.slot)
	e.reach(s.row, e.afterConnect())
	if e.board.Good(s.slot) {
		e.records.debug("target good again", record.Str("target", e.records.target(s.slot).full))
	}
	if e.board.Assignment.Options&board.OptLog != 0 {
		e.records.connected(&s.row.Client, s.slot)
	}
}

// connectFailed tries the next target for the same client.
func (e *engine) connectFailed(s *session, f failure) {
	e.due.remove(s)
	e.missed(s, f)
	if e.board.Assignment.Via.Kind != 0 { // all targets are behind the same proxy
		e.unreached(s)
		return
	}
	e.connect(s)
	if e.bell.told && s.state != ended {
		e.show()
	}
}

// missed notes that the session's target could not be connected.
func (e *engine) missed(s *session, f failure) {
	if s.target.fd >= 0 {
		kernel.Close(s.target.fd)
	}
	s.target = side{fd: -1} // what epoll has told of it is not of the next one
	s.failure = f
	scarce := faultOf(f.what, f.errno) == shortage
	s.short = s.short || scarce
	first := true
	switch {
	case scarce: // a shortage of this host, over in a moment
		first = e.board.ShouldLog(board.LogConnect, e.clock.ms())
	case e.board.Assignment.Via.Kind != 0: // the proxy's fault, not the target's
		first = e.board.ShouldLog(board.LogProxy, e.clock.ms())
		if f.peer {
			e.board.Miss(s.slot, e.clock.ms())
			e.board.TargetState(s.slot).Errno.Store(uint32(f.errno))
		}
	case f.peer:
		first = e.board.Fail(s.slot, e.clock.ms())
		e.board.TargetState(s.slot).Errno.Store(uint32(f.errno))
	default: // this host's fault
		first = e.board.ShouldLog(board.LogConnect, e.clock.ms())
	}
	if first { // not again for each client, until it was good in between
		what := f.what
		if what == "" {
			what = "connect " + e.records.target(s.slot).full
		}
		e.records.error(what, connectLimit(f.what, f.errno))
	}
}

// unreached ends a session that has tried all targets.
func (e *engine) unreached(s *session) {
	if s.client.failed && e.erred(&s.client) { // first; it had left bytes
		e.desert(s)
		return
	}
	s.row.Errno.Store(uint32(s.failure.errno))
	if e.board.Assignment.Options&board.OptLog != 0 && s.slot >= 0 {
		e.records.connected(&s.row.Client, s.slot)
	}
	e.noTargets(s.slot)
	outcome := board.Unreached
	if s.failure.errno != 0 && !s.failure.peer {
		outcome = board.Denied
	}
	e.end(s, outcome)
}
