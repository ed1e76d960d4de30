//go:build linux && !portable

package worker

import (
	"slices"
	"syscall"
	"time"

	"daemon/plug/worker/board"
)

// visits are the times at which leaving sessions are looked at again: no event says that a
// receiver's kernel has acknowledged the last byte.
type visits struct {
	queues [len(visitDelays)][]visit // all of one queue wait equally long, so the first is due first
	due    int64                     // the first of all, in monotonic ns; 0 is none
}

// visit is a session that waits for its turn on its row. One that has ended
// meanwhile stays queued until its time, and is passed over.
type visit struct {
	s     *session
	epoch uint32
	at    int64
}

// visitDelays are how long a session waits for its first visit, its second and so
// on, and at the end for each.
var visitDelays = [...]time.Duration{1 * time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond,
	8 * time.Millisecond, 16 * time.Millisecond, 32 * time.Millisecond, 50 * time.Millisecond}

// visitLater queues a session's next visit, unless it is queued already.
func (e *engine) visitLater(s *session) {
	l := s.leaving
	if l.expected {
		return
	}
	l.expected = true
	at := e.clock.mono + int64(visitDelays[l.delay])
	q := &e.visits.queues[l.delay]
	*q = append(*q, visit{s, s.epoch, at})
	l.delay = min(l.delay+1, len(visitDelays)-1)
	if e.visits.due == 0 || at < e.visits.due {
		e.visits.due = at
	}
}

// visitAll makes the visits that are due.
func (e *engine) visitAll() {
	v := &e.visits
	now := e.clock.mono
	for i := range v.queues {
		n := 0
		for n < len(v.queues[i]) && v.queues[i][n].at <= now {
			if w := v.queues[i][n]; w.s.state != ended && w.s.epoch == w.epoch {
				e.visit(w.s)
			}
			n++
		}
		v.queues[i] = slices.Delete(v.queues[i], 0, n)
	}
	v.due = 0
	for i := range v.queues {
		if q := v.queues[i]; len(q) > 0 && (v.due == 0 || q[0].at < v.due) {
			v.due = q[0].at
		}
	}
}

// visit looks whether the last bytes have been delivered, or the time is over.
func (e *engine) visit(s *session) {
	s.leaving.expected = false
	switch {
	case e.clock.mono < s.leaving.by && s.state == delivering:
		e.stepDelivering(s)
	case e.clock.mono < s.leaving.by:
		e.visitLater(s)
	case s.state == delivering:
		e.abort(s, board.Cut)
	default: // its client has failed, and no target has been connected in time
		if !e.erred(&s.client) {
			s.client.fails(syscall.ECONNRESET)
		}
		e.desert(s)
	}
}
