//go:build linux && !portable

package worker

import (
	"errors"
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/negotiate"
)

var errSilentProxy = errors.New("no reply within --connect-timeout")

// stepNegotiate asks the HTTP proxy for the target, and reads its reply.
func (e *engine) stepNegotiate(s *session) {
	t := &s.target
	if t.writable {
		if errno := e.sendRequest(s); errno != 0 {
			e.refuse(s, errno)
			return
		}
	}
	for t.readable {
		n, errno := receive(t.fd, e.buffer)
		if errno == syscall.EAGAIN {
			t.readable = false
			return
		}
		if errno != 0 {
			e.refuse(s, errno)
			return
		}
		if n == 0 {
			e.refuse(s, errors.New("closed the connection before its reply was complete"))
			return
		}
		head, done, err := s.talk.reply.Feed(e.buffer[:n])
		if err != nil {
			e.refuse(s, err)
			return
		}
		if done {
			e.due.remove(s)
			s.state = relaying
			e.reach(s.row, board.Relaying)
			e.passGlued(s, e.buffer[head:n])
			return
		}
	}
}

// sendRequest sends what is left of the CONNECT request.
func (e *engine) sendRequest(s *session) syscall.Errno {
	target := &e.board.TargetTable[s.slot].Name
	e.text = negotiate.AppendRequest(e.text[:0], target.String())
	if s.talk.request == len(e.text) {
		return 0
	}
	n, errno := send(s.target.fd, e.text[s.talk.request:])
	switch errno {
	case 0:
		s.talk.request += n
	case syscall.EAGAIN:
		s.target.writable = false
	default:
		return errno
	}
	return 0
}

// passGlued relays what came behind the proxy's headers, and then the rest.
func (e *engine) passGlued(s *session, p []byte) {
	if len(p) > 0 {
		s.row.Out.Add(uint64(len(p)))
		e.answers(s)
		if errno := e.pass(&s.target, &s.client, p); errno != 0 {
			s.row.Errno.Store(uint32(errno))
			e.abort(s, board.Cut)
			return
		}
	}
	e.stepRelay(s)
}

// refuse ends a session that the proxy did not let through.
func (e *engine) refuse(s *session, err error) {
	e.records.fail("proxy "+e.records.target(s.slot).full, err)
	s.who = board.ByProxy
	if err == errSilentProxy || err == syscall.ETIMEDOUT {
		s.who = board.ProxyLate
	}
	e.end(s, board.Denied)
}
