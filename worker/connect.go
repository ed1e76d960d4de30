//go:build linux && !portable

// How the event loop connects a session to its target: without waiting, one target after
// another. What a failed connect means is decided in connecting.go.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// connect starts connecting the session to its next target. If none is left, the session
// ends.
func (e *engine) connect(s *session) {
	for {
		tried := &noneTried
		if s.slot >= 0 {
			tried = e.trial(s)
		}
		var ok bool
		if s.slot, ok = e.nextTarget(s.row, s.slot, tried); !ok {
			if s.short && e.mayWait(s.row) {
				e.park(s)
				return
			}
			e.unreached(s)
			return
		}
		if f := e.dial(s); f.errno != 0 {
			e.missed(s, f)
			if s.short && e.worthWaiting(f) && e.mayWait(s.row) {
				e.park(s)
				return
			}
			if e.viaProxy() { // all targets are behind the same proxy
				e.unreached(s)
				return
			}
			continue
		}
		s.began = e.clock.mono
		e.arm(s)
		return
	}
}

// parked is a session for which there was no socket.
type parked struct {
	*session
	epoch uint32
}

// park lets a session wait for descriptors or ports, as other clients do in the kernel's
// queue, and stops taking clients meanwhile. After that, the session may try all targets
// again.
func (e *engine) park(s *session) {
	s.slot, s.short = -1, false
	if s.tried != nil {
		*s.tried = board.Tried{}
	}
	e.fdWaiters = append(e.fdWaiters, parked{s, s.epoch})
	e.arm(s)
	e.rest()
}

// retryParked tries the parked sessions again.
func (e *engine) retryParked() {
	list := e.fdWaiters
	e.fdWaiters = nil
	for _, s := range list {
		if s.state == connecting && s.session.epoch == s.epoch && s.target.fd < 0 {
			e.connect(s.session)
		}
	}
}

// noneTried is the set for a session that tries its first target.
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
	// Urgent bytes are read in their place. Clients' sockets inherit this option from
	// the listener. Here it must be set before the first mark: when a second one
	// follows, the kernel discards the first one's byte before any event has reported
	// it.
	kernel.SetOn(fd, syscall.SOL_SOCKET, syscall.SO_OOBINLINE)
	if b.Assignment.Options&board.OptKeepalive != 0 {
		kernel.SetOn(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	}
	e.setOptions(fd, to)
	if f = e.bindSource(fd, to); f.errno != 0 {
		return f
	}
	if errno := kernel.Connect(fd, to); errno != 0 {
		return connectFailure(errno, to)
	}
	if errno := e.poll.Add(fd, peerEvents, kernel.MakeTag(onTarget, int(s.index), s.epoch)); errno != 0 {
		return failed("epoll", errno)
	}
	return failure{}
}

// setOptions sets the numbers of the assignment on the socket of a target.
func (e *engine) setOptions(fd int, to *board.Addr) {
	a := e.board.Assignment
	level, class := syscall.IPPROTO_IP, syscall.IP_TOS
	if to.Kind == 6 {
		level, class = syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS
	}
	for _, o := range [...]struct {
		level, name int
		value       uint32
	}{
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, a.KeepaliveIdle},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, a.KeepaliveEvery},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, a.KeepaliveCount},
		{syscall.IPPROTO_TCP, kernel.UserTimeout, a.UserTimeout},
		{level, class, a.DSCP << 2},
	} {
		if o.value != 0 {
			kernel.SetInt(fd, o.level, o.name, int(o.value))
		}
	}
}

// stepConnect checks whether the connect has succeeded.
func (e *engine) stepConnect(s *session) {
	t := &s.target
	if t.failed || t.hangup && !t.writable {
		errno := kernel.SocketError(t.fd)
		if errno == syscall.ECONNRESET || errno == syscall.EPIPE || errno == 0 {
			// A refusal would be ECONNREFUSED: this target has accepted, perhaps sent
			// something, and reset the connection before the check.
			e.connected(s)
			t.fails(errno)
			t.fails(syscall.ECONNRESET) // in case another call has taken the error already
			if e.viaProxy() {
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
	if e.viaProxy() {
		e.negotiate(s)
		return
	}
	e.beginRelay(s)
	e.stepRelay(s)
}

// connected records that the session is connected to its target.
func (e *engine) connected(s *session) {
	s.began = 0
	e.noteConnected(s.row, s.slot)
}

// connectFailed tries the next target for the same client.
func (e *engine) connectFailed(s *session, f failure) {
	s.began = 0
	e.missed(s, f)
	if e.viaProxy() { // all targets are behind the same proxy
		e.unreached(s)
		return
	}
	e.connect(s)
	if e.bell.told && s.state != ended {
		e.show()
	}
}

// missed closes the socket of a connect that has failed.
func (e *engine) missed(s *session, f failure) {
	if s.target.fd >= 0 {
		kernel.Close(s.target.fd)
	}
	s.target = side{fd: -1} // what epoll has reported does not apply to the next socket
	s.failure = f
	s.short = e.noteMissed(s.slot, f) || s.short
}

// unreached ends a session that has tried all targets.
func (e *engine) unreached(s *session) {
	if s.client.failed && e.erred(&s.client) { // its failure came first; it had left bytes
		e.desert(s)
		return
	}
	var outcome board.Outcome
	outcome, s.who = e.noteUnreached(s.row, s.slot, s.failure)
	e.end(s, outcome)
}
