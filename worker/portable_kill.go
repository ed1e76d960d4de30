//go:build !linux || portable

// How the portable engine ends a session that waits, at an admin's word.

package worker

import (
	"time"

	"daemon/plug/worker/board"
)

// endOne ends a session at an admin's word, if it is still there: whatever its
// goroutines wait for ends now. The mutex is held.
func (e *engine) endOne(row uint32, epoch uint64) {
	s := e.sessionAt(row, epoch)
	if s == nil || s.condemned || s.row.Word().State() != board.RowLive {
		return
	}
	s.condemned = true
	for _, side := range []*socket{s.client, s.target, s.dialing} {
		if side != nil {
			side.hurry()
		}
	}
}

// ends reports whether an admin has ended the session.
func (s *session) ends() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.condemned
}

// within gives a socket of the session a deadline, the zero time for none,
// unless an admin has ended the session: then the past stays its deadline.
func (s *session) within(side *socket, deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.condemned {
		side.hurry()
		return
	}
	side.by(deadline)
}

// dials makes the socket known that the session waits for, nil when it no
// longer does.
func (s *session) dials(target *socket) {
	s.mu.Lock()
	s.dialing = target
	s.mu.Unlock()
}
