//go:build !linux || portable

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

var (
	errSilentProxy = errors.New("no reply within --connect-timeout")
	errEarlyEnd    = errors.New("closed the connection before its reply was complete")
)

// negotiate asks the HTTP proxy for the target, and passes on what comes glued
// behind its reply. Without ok the session ends with the outcome.
func (s *session) negotiate() (outcome board.Outcome, ok bool) {
	buffer := buffers.Get().(*[room]byte)
	defer buffers.Put(buffer)
	s.within(s.target, time.Now().Add(s.patience()))
	reset := s.client.watch(s.target.hurry)
	glued, err := s.ask(buffer[:])
	if gone := reset(); gone != 0 {
		return s.deserted(gone), false
	}
	if err != nil {
		s.lock()
		defer s.mu.Unlock()
		if s.condemned {
			return board.AdminEnded, false
		}
		s.records.fail("proxy "+s.records.target(s.slot).full, err)
		s.who = board.ByProxy
		if err == errSilentProxy || err == syscall.ETIMEDOUT {
			s.who = board.ProxyLate
		}
		s.refusal = refusalOf(s.row, err)
		return board.Denied, false
	}
	s.within(s.target, time.Time{})
	s.reach(s.row, board.Relaying)
	if len(glued) == 0 {
		return 0, true
	}
	s.out().add(len(glued))
	if errno := s.client.write(glued); errno != 0 {
		s.row.Errno.Store(uint32(errno))
		s.who = late(board.ByClient, errno)
		return board.Cut, false
	}
	return 0, true
}

// ask sends the request and reads the reply's end. glued is what was read
// beyond it.
func (s *session) ask(buffer []byte) (glued []byte, err error) {
	name := &s.board.TargetTable[s.slot].Name
	if _, err := s.target.file.Write(negotiate.AppendRequest(nil, name.String())); err != nil {
		return nil, proxyError(err)
	}
	var reply negotiate.Reply
	for {
		n, err := s.target.file.Read(buffer)
		if err != nil {
			return nil, proxyError(err)
		}
		head, done, err := reply.Feed(buffer[:n])
		if done || err != nil {
			return buffer[head:n], err
		}
	}
}

// proxyError is an error of the proxy's socket as records tell it.
func proxyError(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSilentProxy
	case err == io.EOF:
		return errEarlyEnd
	case errors.As(err, &errno):
		return errno
	}
	return err
}
