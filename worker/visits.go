//go:build linux && !portable

// When the sessions that are being delivered are checked again.

package worker

import (
	"slices"
	"time"
)

// visits are the times at which delivering sessions are checked again: no event reports
// that a receiver's kernel has acknowledged the last byte. All sessions in one queue wait
// equally long, so the first one is due first.
type visits [len(visitDelays)][]visit

// visit is a session that waits for its visit. If the session has ended meanwhile, the
// visit stays queued until its time, and is skipped.
type visit struct {
	s     *session
	epoch uint32
	at    int64
}

// visitDelays are how long a session waits for its first visit, its second and so on; the
// last delay repeats.
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
	q := &e.visits[l.delay]
	*q = append(*q, visit{s, s.epoch, at})
	l.delay = min(l.delay+1, len(visitDelays)-1)
	if due := &e.agenda[visitDuty]; *due == 0 || at < *due {
		*due = at
	}
}

// visitAll makes the visits that are due.
func (e *engine) visitAll() {
	v := &e.visits
	now := e.clock.mono
	for i := range v {
		n := 0
		for n < len(v[i]) && v[i][n].at <= now {
			if w := v[i][n]; w.s.state != ended && w.s.epoch == w.epoch {
				e.visit(w.s)
			}
			n++
		}
		v[i] = slices.Delete(v[i], 0, n)
	}
	due := &e.agenda[visitDuty]
	*due = 0
	for _, q := range v {
		if len(q) > 0 && (*due == 0 || q[0].at < *due) {
			*due = q[0].at
		}
	}
}

// visit checks whether the last bytes have been delivered.
func (e *engine) visit(s *session) {
	s.leaving.expected = false
	if s.state == delivering {
		e.stepDelivering(s)
	}
}
