//go:build !linux || portable

// How the portable engine asks an HTTP proxy for the target, and reads its reply.

package worker

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/negotiate"
)

// negotiate asks the HTTP proxy for the target, and passes on what follows its reply
// immediately. If ok is false, the session ends with the outcome.
func (s *session) negotiate() (outcome board.Outcome, ok bool) {
	buffer := buffers.Get().(*[room]byte)
	defer buffers.Put(buffer)
	s.within(s.target, time.Now().Add(s.patience(negotiateTimer)))
	stop := s.guard(s.target)
	glued, err := s.ask(buffer[:])
	if gone := stop(); gone != 0 {
		return s.deserted(gone), false
	}
	if err != nil {
		s.lock()
		defer s.mu.Unlock()
		if s.condemned {
			return board.AdminEnded, false
		}
		s.records.fail("proxy "+s.records.target(s.slot).full, err)
		if s.gone != 0 { // it had left bytes
			s.who = noteDeserted(s.row, s.gone)
			return board.Cut, false
		}
		s.who, s.refusal = noteRefused(s.row, err)
		return board.Denied, false
	}
	s.within(s.target, time.Time{})
	s.reaches(board.Relaying)
	if len(glued) == 0 {
		return 0, true
	}
	s.out.add(len(glued))
	n, _ := s.client.write(glued) // the relay will meet the error too, after the client's last bytes
	s.out.passed(n)
	return 0, true
}

// ask sends the request and reads the reply to its end. glued is what was read after
// that. A proxy that can't be written to may already have replied.
func (s *session) ask(buffer []byte) (glued []byte, err error) {
	name := s.board.Target(s.slot).Name
	_, failed := s.target.file.Write(negotiate.AppendRequest(nil, name.String()))
	var reply negotiate.Reply
	for {
		n, err := s.target.file.Read(buffer)
		if err == io.EOF && failed != nil {
			err = failed
		}
		if err != nil {
			return nil, s.proxyError(err)
		}
		head, done, err := reply.Feed(buffer[:n])
		if done || err != nil {
			return buffer[head:n], err
		}
	}
}

// proxyError is an error of the proxy's socket in the form that records show.
func (s *session) proxyError(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s.silentProxy()
	case err == io.EOF:
		return errEarlyEnd
	case errors.Is(err, syscall.EPIPE): // the reset was already reported to an earlier call
		return syscall.ECONNRESET
	case errors.As(err, &errno):
		return errno
	}
	return err
}
