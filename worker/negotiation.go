//go:build linux && !portable

// How the event loop asks an HTTP proxy for the target, and reads its reply.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/negotiate"
)

// negotiate begins the dialog with the proxy that the session is connected to.
func (e *engine) negotiate(s *session) {
	s.state, s.began = negotiating, e.clock.mono
	if s.dialog == nil {
		s.dialog = new(proxyDialog)
	}
	s.dialog.request = 0
	s.dialog.reply.Reset()
	e.arm(s)
	e.stepNegotiate(s)
}

// stepNegotiate asks the HTTP proxy for the target, and reads its reply. A proxy that
// can't be written to may already have replied.
func (e *engine) stepNegotiate(s *session) {
	t := &s.target
	if t.writable {
		if errno := e.sendRequest(s); errno != 0 {
			t.fails(errno)
			t.readable = true
		}
	}
	for t.readable {
		n, errno := kernel.Receive(t.fd, e.buffer)
		switch {
		case errno == syscall.EAGAIN && t.errno == 0:
			t.readable, t.urgent = false, false
			return
		case errno != 0 || n == 0 && t.errno != 0:
			t.fails(errno)
			e.refuse(s, t.errno)
			return
		case n == 0:
			e.refuse(s, errEarlyEnd)
			return
		}
		head, done, err := s.dialog.reply.Feed(e.buffer[:n])
		if err != nil {
			e.refuse(s, err)
			return
		}
		if done {
			e.beginRelay(s)
			e.reach(s.row, board.Relaying)
			e.passGlued(s, e.buffer[head:n])
			return
		}
	}
}

// sendRequest sends the rest of the CONNECT request.
func (e *engine) sendRequest(s *session) syscall.Errno {
	target := e.board.Target(s.slot).Name
	e.text = negotiate.AppendRequest(e.text[:0], target.String())
	if s.dialog.request == len(e.text) {
		return 0
	}
	n, errno := kernel.Send(s.target.fd, e.text[s.dialog.request:])
	switch errno {
	case 0:
		s.dialog.request += n
	case syscall.EAGAIN:
		s.target.writable = false
	default:
		return errno
	}
	return 0
}

// passGlued relays what followed the proxy's headers, and then the rest.
func (e *engine) passGlued(s *session, p []byte) {
	if len(p) > 0 {
		e.count(s, &s.target, len(p))
		if broken := e.pass(&s.target, &s.client, p); broken != nil {
			e.conclude(s, false, broken)
			return
		}
	}
	e.stepRelay(s)
}

// refuse ends a session that the proxy refused.
func (e *engine) refuse(s *session, err error) {
	e.records.fail("proxy "+e.records.target(s.slot).full, err)
	if s.client.failed && e.erred(&s.client) { // its failure came first; it had left bytes
		e.desert(s)
		return
	}
	s.who, s.dialog.refusal = noteRefused(s.row, err)
	e.end(s, board.Denied)
}
