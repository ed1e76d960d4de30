//go:build !linux || portable

// The timers of the portable engine's sessions: each session has a timer of Go's runtime,
// which computes anew at its end whether one of them is due. When a timer ends a session,
// nothing more is read; what the session holds is delivered, and then both ends.

package worker

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// timing is what a session's timers need.
type timing struct {
	check  *time.Timer   // nil without timers
	relays int64         // since when the session relays; 0 before
	halved int64         // when one direction ended; 0 while none has
	timer  board.Timer   // which one has ended the session
	struck chan struct{} // closed then, if the session relays; nil without timers
	killed bool          // an admin has ended the session
	clean  bool          // everything was delivered: both sides end in order
	held   backlog       // at the last check
}

// runTimers starts the timers of a session that has just begun.
func (s *session) runTimers() {
	used := false
	for t := firstCoarse; t < timers; t++ {
		used = used || s.lasts(t) != 0
	}
	if !used {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	epoch := s.row.Word().Epoch()
	s.struck = make(chan struct{})
	s.check = time.AfterFunc(time.Hour, func() {
		s.lock()
		defer s.mu.Unlock()
		if s.client != nil && s.row.Word().Epoch() == epoch && s.row.Word().State() == board.RowLive {
			s.checkTimers()
		}
	})
	s.checkTimers()
}

// stopTimers stops them. The mutex is held.
func (s *session) stopTimers() {
	if s.check != nil {
		s.check.Stop()
	}
}

// relaying starts the timers of a session that relays now.
func (s *session) relaying() { s.notes(&s.relays) }

// halfCloses starts the timer of a session one side of which has ended.
func (s *session) halfCloses() { s.notes(&s.halved) }

// notes stores the time of an event, and computes the timers anew.
func (s *session) notes(at *int64) {
	if s.check == nil {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	*at = s.clock.mono
	s.checkTimers()
}

// checkTimers ends the session if a timer is due, and otherwise waits for the nearest. The
// mutex is held.
func (s *session) checkTimers() {
	if s.condemned || s.timer != board.NoTimer || s.delivering.Load() {
		return
	}
	s.noteBacklog()
	nearest, at := noTimer, kernel.Never
	for t := firstCoarse; t < timers; t++ {
		if since := s.since(t); since != 0 && s.lasts(t) != 0 {
			if due := s.dueOf(t, since); due < at {
				nearest, at = t, due
			}
		}
	}
	switch {
	case nearest == noTimer:
	case at > s.clock.mono:
		s.check.Reset(time.Duration(at - s.clock.mono))
	default:
		s.strike(nearest)
	}
}

// dueOf is when a timer is due that runs since a moment.
func (s *session) dueOf(t timer, since int64) int64 {
	due := s.dueAfter(s.row, t, since)
	if (t == idleTimer || t == halfClosedTimer) && !s.held.empty() {
		due = max(due, s.held.at+s.lasts(t)/backlogWatch)
	}
	return due
}

// since is when a timer started, in monotonic ns; 0 if it does not run.
func (s *session) since(t timer) int64 {
	switch {
	case t == lifetimeTimer:
		return s.row.BeginAt
	case s.relays == 0:
	case t == firstByteTimer && s.awaitsFirst(s.row):
		return s.relays
	case t == idleTimer:
		return max(s.relays, movedAt(s.row))
	case t == halfClosedTimer && s.halved != 0:
		return max(s.halved, movedAt(s.row))
	}
	return 0
}

// noteBacklog counts what the receivers have not acknowledged: if that has shrunk, the
// session has moved bytes.
func (s *session) noteBacklog() {
	if s.relays == 0 || s.target == nil || s.lasts(idleTimer) == 0 && s.lasts(halfClosedTimer) == 0 {
		return
	}
	now := backlog{s.client.unacknowledged(), s.target.unacknowledged(), s.clock.mono}
	switch {
	case now.empty() || s.held.empty():
		s.held = now
	case s.held.note(now, movedAt(s.row)):
		s.row.Moved.Store(s.clock.ms())
	}
}

// strike ends the session because a timer is due. The mutex is held.
func (s *session) strike(t timer) {
	s.timer = timerTable[t].ends
	s.clean = !s.resets(t) && s.relays == 0
	if s.relays == 0 || s.resets(t) {
		s.condemned = true
		s.hurryAll()
		return
	}
	close(s.struck)
}

// sentence is how a condemned session has ended. The mutex is held.
func (s *session) sentence() (board.Outcome, board.Culprit) {
	if s.killed || s.timer == board.NoTimer {
		s.clean = false
		return board.AdminEnded, board.ByAdmin
	}
	return board.Cut, board.ByTimer
}

// nextEnd is what a pump reports next; struck is true if a timer has ended the session.
func (s *session) nextEnd(ends <-chan ending) (next ending, struck bool) {
	select {
	case next = <-ends:
		return next, false
	case <-s.struck:
		return next, true
	}
}

// farewell delivers what the session holds, in both directions, within --linger.
func (s *session) farewell(ends <-chan ending) board.Outcome {
	s.mu.Lock()
	s.who = board.ByTimer
	s.failedAt = s.noteFailed(s.row, 0)
	s.delivering.Store(true)
	s.mu.Unlock()
	s.client.hush()
	s.target.hush()
	giveUp := time.NewTimer(time.Duration(s.lasts(lingerTimer)))
	defer giveUp.Stop()
	passed := make(chan struct{})
	go func() {
		s.pumps.Wait()
		close(passed)
	}()
	failed := make(map[*socket]bool)
	for waits := true; waits; {
		select {
		case e := <-ends:
			failed[e.of] = failed[e.of] || e.errno != 0 && e.errno != syscall.ETIMEDOUT // as after hush
		case <-passed:
			waits = false
		case <-giveUp.C:
			return board.Cut
		}
	}
	if s.ends() {
		return board.AdminEnded
	}
	sides := [...]*socket{s.client, s.target}
	for _, side := range sides {
		side.shut()
	}
	for pause := firstLook; !s.ends(); pause = min(2*pause, lastLook) {
		delivered := true
		for _, side := range sides {
			failed[side] = failed[side] || side.drop()
			delivered = delivered && (failed[side] || side.hasAll())
		}
		if delivered {
			s.mu.Lock()
			s.clean = !failed[s.client] && !failed[s.target]
			s.mu.Unlock()
			return board.Cut
		}
		select {
		case <-time.After(pause):
		case <-giveUp.C:
			return board.Cut
		}
	}
	return board.AdminEnded
}

// drop reads what has arrived, which nobody gets any more, and reports whether the
// connection has failed.
func (s *socket) drop() (broken bool) {
	buffer := buffers.Get().(*[room]byte)
	defer buffers.Put(buffer)
	s.raw.Control(func(fd uintptr) {
		for range 16 {
			n, _, err := unix.Recvfrom(int(fd), buffer[:], unix.MSG_DONTWAIT)
			if err != nil || n == 0 {
				s.atEnd.Store(s.atEnd.Load() || err == nil)
				broken = err != nil && err != syscall.EAGAIN && err != syscall.EINTR
				return
			}
		}
	})
	return broken
}
