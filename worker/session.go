//go:build linux && !portable

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/negotiate"
)

// state is where a session stands. What happens in each is in step and
// timeout, below; the outcome is decided where it ends.
type state uint8

const (
	ended       state = iota // no descriptors, row free; next: connecting
	connecting               // to one target after the other; next: negotiating, relaying, ended
	negotiating              // waits for the proxy's reply; next: relaying, ended
	relaying                 // both directions; next: halfClosed, ended
	halfClosed               // one direction has ended; next: ended
)

// session is one client-to-target connection. It lives on in its row's place
// of the table and is used again.
//
// An idle one in a pool costs little more than its sockets in the kernel: fields
// lie so that none is lost to alignment, and what few sessions need is behind a
// pointer.
type session struct {
	row   *board.Row
	index int    // of the row
	turn  uint32 // of the row, to tell late events

	state    state
	queued   bool      // on the engine's list of those that have more to do
	linked   bool      // on the list of deadlines
	answered bool      // the target has sent something
	first    board.Who // whose direction ended first; Nobody before
	who      board.Who // ended it, where the outcome and the sides' errors don't tell

	client, target end
	slot           int          // the target in use
	tried          *board.Tried // nil until a target has failed
	failure        failure      // of the last connect

	deadline   int64 // monotonic ns, while linked
	prev, next *session

	talk *talk // with the HTTP proxy; nil without one
}

// talk is what a session has said to an HTTP proxy, and heard.
type talk struct {
	reply   negotiate.Reply
	request int // bytes of the CONNECT request sent so far
}

// end is one side's socket, and the direction that starts there: what was read
// here and could not be written to the other side yet.
type end struct {
	fd       int
	errno    syscall.Errno // it has failed with
	readable bool
	writable bool
	hangup   bool // the peer has shut its side: read on until the end
	failed   bool // an error is pending
	eof      bool // everything has been read
	done     bool // everything has been passed on, the end too
	heavy    bool // this direction splices
	full     uint8
	block    *block // read, not yet written; nil if nothing is
	pipe     *pipe  // what is in it is kept too
}

// note takes over what epoll says.
func (d *end) note(flags uint32) {
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
}

// erred takes the error that epoll has told of; it may have been taken already.
func (e *engine) erred(d *end) bool {
	d.errno = socketError(d.fd, scratchInt, scratchSize)
	d.failed = d.errno != 0
	return d.failed
}

// stuck tells that what was read from this end waits for a receiver.
func (d *end) stuck() bool { return d.block != nil || d.pipe != nil && d.pipe.held > 0 }

// step does whatever a session can do now.
func (e *engine) step(s *session) {
	if s.client.failed && (s.state == connecting || s.state == negotiating) && e.erred(&s.client) {
		e.abort(s, board.Cut) // the client has gone; its mere end would be a half-close
		return
	}
	switch s.state {
	case connecting:
		e.stepConnect(s)
	case negotiating:
		e.stepNegotiate(s)
	case relaying, halfClosed:
		e.stepRelay(s)
	}
}

// timeout is a session whose deadline has passed.
func (e *engine) timeout(s *session) {
	switch s.state {
	case connecting:
		e.connectFailed(s, failure{errno: syscall.ETIMEDOUT, peer: true})
	case negotiating:
		e.refuse(s, errSilentProxy)
	}
}

// deadlines is a list of sessions, the next one due first. All wait equally
// long, so each new one is the last.
type deadlines struct{ first, last *session }

func (l *deadlines) next() int64 {
	if l.first == nil {
		return never
	}
	return l.first.deadline
}

func (l *deadlines) add(s *session, at int64) {
	if s.linked {
		l.remove(s)
	}
	s.deadline, s.linked, s.prev, s.next = at, true, l.last, nil
	if l.last == nil {
		l.first = s
	} else {
		l.last.next = s
	}
	l.last = s
}

func (l *deadlines) remove(s *session) {
	if !s.linked {
		return
	}
	if s.prev == nil {
		l.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		l.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.linked, s.prev, s.next = false, nil, nil
}
