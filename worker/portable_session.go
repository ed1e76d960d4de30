//go:build !linux || portable

// A session of the portable engine: one goroutine, from admitting the client to settling.

package worker

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"daemon/plug/worker/board"
)

// session is one client-to-target connection, carried by one goroutine. After its end it
// stays in the table, in its row's place, and is used again.
type session struct {
	*engine
	row    *board.Row
	index  int     // of the row
	client *socket // nil when the session has ended
	target *socket // nil while none is connected

	dialing   *socket // nil while none is being connected
	condemned bool    // an admin has ended it, or a timer that resets both sides

	slot    int  // the target in use, -1 before the first
	short   bool // of descriptors or ports, for one of the targets at least
	tried   board.Tried
	failure failure       // of the last connect
	who     board.Culprit // ended it
	gone    syscall.Errno // the error with which the client reset before a target was connected
	due     running
	refusal string // why the proxy refused it, if no errno says so

	delivering atomic.Bool // the last bytes of a side that has failed
	failedAt   board.Stage // the stage at which it failed; also the stage of the session's end

	timing

	in, out meter
	pumps   sync.WaitGroup // one for each direction
}

func (e *engine) newSession(index int, row *board.Row) *session {
	s := &session{engine: e, index: index, row: row}
	s.in.bytes, s.in.row, s.in.clock = &row.In, row, &e.clock
	s.out.bytes, s.out.row, s.out.clock, s.out.first = &row.Out, row, &e.clock, true
	return s
}

// renew makes the session ready for a new client.
func (s *session) renew() {
	s.gone, s.due = 0, running{}
	s.delivering.Store(false)
	s.in.held.Store(0)
	s.out.held.Store(0)
	s.slot, s.short, s.tried, s.failure, s.condemned, s.who, s.refusal = -1, false, board.Tried{}, failure{}, false, board.Nobody, ""
	s.timing = timing{}
}

// ongoing reports whether the session has not ended.
func (s *session) ongoing() bool { return s.client != nil }

// carry is the session's life, from admitting the client to settling.
func (s *session) carry() {
	s.runTimers()
	outcome, ok := s.connect()
	if ok && s.board.Assignment.Via.Kind != 0 {
		outcome, ok = s.negotiate()
	}
	if ok {
		outcome = s.relay()
	}
	s.end(outcome)
}

// end publishes the outcome, closes both sides, and settles. A session that was cut ends
// so that neither side mistakes it for a clean end; what has not been delivered by then
// is lost.
func (s *session) end(outcome board.Outcome) {
	sides := []*socket{s.client}
	if s.target != nil {
		sides = append(sides, s.target)
	}
	if outcome == board.Cut || s.ends() {
		for _, side := range sides {
			side.hurry()
		}
		s.pumps.Wait()
	}
	s.lock()
	s.stopTimers()
	if s.condemned {
		outcome, s.who = s.sentence()
	}
	cut := (outcome == board.Cut || outcome == board.AdminEnded) && !s.clean
	if cut {
		s.takeOff()
	}
	s.finishAs(outcome, s.who)
	s.mu.Unlock()
	for _, side := range sides {
		if cut {
			side.reset()
		}
		side.close()
	}
	s.pumps.Wait() // the pumps still count on the row
	s.lock()
	defer s.mu.Unlock()
	s.client, s.target = nil, nil
	s.giveBack(s.row, s.index, s.refusal)
	s.tellSoon()
	s.changed()
}

// finishAs publishes the outcome, and who ended the session. The stage of one that was
// delivering is that at which its side failed. The mutex is held.
func (s *session) finishAs(outcome board.Outcome, who board.Culprit) {
	if s.delivering.Load() {
		s.reach(s.row, s.failedAt)
	}
	s.finish(s.row, outcome, who, s.timer)
}

// reaches publishes how far the session has come. It takes the mutex, because a signal may
// be ending the session: after that, its stage must stay.
func (s *session) reaches(stage board.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reach(s.row, stage)
}

// takeOff subtracts from the session's counts what a reset is about to discard.
func (s *session) takeOff() {
	s.in.takeOff(s.target, s.delivering.Load())
	s.out.takeOff(s.client, s.delivering.Load())
}

// retryAgain schedules the next retry of unwritten lines, if there are any. The mutex is
// held.
func (e *engine) retryAgain(unwritten bool) {
	if !unwritten || e.retrying {
		return
	}
	e.retrying = true
	time.AfterFunc(lineRetry, func() {
		e.lock()
		defer e.mu.Unlock()
		e.retrying = false
		e.retryUnwritten(false)
		e.changed()
	})
}
