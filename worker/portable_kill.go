//go:build !linux || portable

// How the portable engine ends a waiting session on an admin's order.

package worker

import (
	"time"

	"daemon/plug/worker/board"
)

// endOne ends a session on an admin's order, if it still exists: whatever its goroutines
// wait for ends now. The mutex is held.
func (e *engine) endOne(row uint32, epoch uint64) {
	s := e.sessionAt(row, epoch)
	if s == nil || s.condemned || s.row.Word().State() != board.RowLive {
		return
	}
	s.condemned, s.killed = true, true
	s.hurryAll()
}

// hurryAll ends whatever the session's goroutines wait for. The mutex is held.
func (s *session) hurryAll() {
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

// within sets a deadline for a socket of the session; the zero time is none. If an admin
// has ended the session, the deadline stays in the past.
func (s *session) within(side *socket, deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.condemned {
		side.hurry()
		return
	}
	side.by(deadline)
}

// dials records the socket that the session waits for while it connects; nil when it no
// longer waits.
func (s *session) dials(target *socket) {
	s.mu.Lock()
	s.dialing = target
	s.mu.Unlock()
}
