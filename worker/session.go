//go:build linux && !portable

// A session of the event loop: its states, its two sides, and which step is next.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/negotiate"
)

// state is where a session stands. What happens in each is in step and
// expire, below; the outcome is decided where it ends.
type state uint8

const (
	ended       state = iota // no descriptors, row free; next: connecting
	connecting               // to one target after the other; next: negotiating, relaying, delivering, ended
	negotiating              // waits for the proxy's reply; next: relaying, ended
	relaying                 // both directions; next: halfClosed, delivering, ended
	halfClosed               // one direction has ended; next: delivering, ended
	delivering               // one side has failed: its last bytes go to the other; next: ended
)

// session is one client-to-target connection. After its end it stays in the table, in its
// row's place, and is used again.
//
// An idle session in a pool costs little more than its sockets in the kernel: the fields
// are ordered so that none is lost to alignment, and what few sessions need is behind a
// pointer.
type session struct {
	row   *board.Row
	index int32  // of the row
	epoch uint32 // of the row, to recognise late events

	state    state
	queued   bool          // on the engine's list of sessions with more to do
	listed   timer         // the kind of the list that it is in; noTimer: none
	answered bool          // the target has sent something
	short    bool          // of descriptors or ports, for one of the targets at least
	first    board.Culprit // whose direction ended first; Nobody while none has
	who      board.Culprit // who ended it, once that is clear
	timer    board.Timer   // which timer, if it is one

	client, target side
	slot           int          // the target in use
	tried          *board.Tried // nil until a target has failed
	failure        failure      // of the last connect

	began      int64 // the connect, the wait for the proxy's reply, or relaying, in monotonic ns; 0 between connects
	halved     int64 // when one direction ended; 0 while none has
	at         int64 // when its timers must be checked, if it is listed
	prev, next *session

	dialog  *proxyDialog // with the HTTP proxy; nil without one
	leaving *leaving     // nil until a side has failed, here or in an earlier session of the row
}

// proxyDialog is the dialog of a session with an HTTP proxy.
type proxyDialog struct {
	reply   negotiate.Reply
	request int    // bytes of the CONNECT request sent so far
	refusal string // why the proxy refused the session, if no errno says so
}

func (e *engine) newSession(index int, row *board.Row) *session {
	return &session{index: int32(index), row: row}
}

// renew makes the session ready for a new client.
func (s *session) renew() {
	s.epoch = uint32(s.row.Word().Epoch())
	s.state = connecting
	s.client, s.target = side{fd: -1}, side{fd: -1}
	if s.leaving != nil {
		*s.leaving = leaving{}
	}
	if s.dialog != nil {
		s.dialog.refusal = ""
	}
	s.slot, s.failure, s.short, s.began, s.halved = -1, failure{}, false, 0, 0
	s.first, s.who, s.timer, s.answered = board.Nobody, board.Nobody, board.NoTimer, false
}

// ongoing reports whether the session has not ended.
func (s *session) ongoing() bool { return s.state != ended }

// side is one side's socket, and the direction that starts there: what was read here and
// could not be written to the other side yet.
type side struct {
	fd       int
	errno    syscall.Errno // the error with which it failed
	readable bool
	writable bool
	hangup   bool // the peer has shut its side: read on until the end
	urgent   bool // an urgent mark has come: after a short read there may be more
	failed   bool // an error is pending
	eof      bool // everything has been read
	done     bool // everything has been passed on, including the end
	shut     bool // an end was sent to it
	splicing bool // this direction splices
	full     uint8
	block    *block // read, not yet written; nil if there is nothing
	pipe     *pipe  // the bytes in it are not yet written either
}

// note records what epoll reports.
func (d *side) note(flags uint32) {
	if flags&(syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		d.readable = true
	}
	if flags&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		d.writable = true
	}
	if flags&(syscall.EPOLLRDHUP|syscall.EPOLLHUP) != 0 {
		d.hangup = true
	}
	if flags&syscall.EPOLLERR != 0 {
		d.failed = true
	}
	if flags&syscall.EPOLLPRI != 0 {
		d.readable, d.urgent = true, true
	}
}

// mayHaveMore reports whether a short read may have left something: the end, or what lies
// after an urgent mark, where reads stop.
func (d *side) mayHaveMore() bool { return d.hangup || d.urgent }

// fails records the error with which a side has failed: the first one.
func (d *side) fails(errno syscall.Errno) {
	if d.errno == 0 {
		d.errno = errno
	}
}

// erred takes the error that epoll has reported, and reports whether there is one. An
// earlier call may have taken it already.
func (e *engine) erred(d *side) bool {
	d.fails(kernel.SocketError(d.fd))
	d.failed = d.errno != 0
	return d.failed
}

// stuck reports whether bytes that were read from this side wait for the receiver.
func (d *side) stuck() bool { return d.block != nil || d.pipe != nil && d.pipe.held > 0 }

// step does whatever a session can do now.
func (e *engine) step(s *session) {
	if s.client.failed && (s.state == connecting || s.state == negotiating) && e.forsaken(s) {
		return
	}
	switch s.state {
	case connecting:
		e.stepConnect(s)
	case negotiating:
		e.stepNegotiate(s)
	case relaying, halfClosed:
		e.stepRelay(s)
	case delivering:
		e.stepDelivering(s)
	}
}

// beginRelay makes the session relay from now on.
func (e *engine) beginRelay(s *session) {
	s.state, s.began = relaying, e.clock.mono
	e.arm(s)
}

// expire does what the end of a session's timer requires.
func (e *engine) expire(s *session, t timer) {
	switch {
	case t == connectTimer && s.state == connecting:
		e.connectFailed(s, failed("", syscall.ETIMEDOUT))
	case t == negotiateTimer:
		e.refuse(s, e.silentProxy())
	case s.state == delivering:
		e.abort(s, board.Cut)
	case timerTable[t].ends != board.NoTimer:
		e.strike(s, t)
	default: // its client has failed, and no target was connected in time
		if !e.erred(&s.client) {
			s.client.fails(syscall.ECONNRESET)
		}
		e.desert(s)
	}
}
