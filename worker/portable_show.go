//go:build !linux || portable

package worker

import (
	"time"

	"daemon/plug/worker/title"
)

// tellSoon has a change of this worker's state told when it is due. A pool worker
// only shows its number of sessions.
func (e *engine) tellSoon() {
	b, now := &e.bell, e.clock.mono
	if !e.pool {
		b.changed(now, e.live > 0, e.board.State.MayBatch.Load() != 0)
	} else if b.due == 0 {
		b.due = now + int64(quick)
	}
	if b.due != 0 && b.due <= now {
		e.tellNow()
	}
	e.setBell()
}

// setBell sets the bell's timer.
func (e *engine) setBell() {
	if e.bell.due != 0 {
		e.late.Reset(time.Duration(e.bell.due - e.clock.mono))
	}
}

// ringLate is the bell's timer. What it was set for may have passed.
func (e *engine) ringLate() {
	e.lock()
	defer e.mu.Unlock()
	if e.bell.due != 0 && e.bell.due <= e.clock.mono {
		e.tellNow()
	}
	e.setBell()
}

// tellNow rings, and shows the same in the process title. A pool's sessions
// are the board's alone: its workers are listed for as long as they live.
func (e *engine) tellNow() {
	if e.bell.due = 0; !e.pool {
		e.tell()
	}
	e.show()
}

// show makes the process title tell what this worker does now, as the master
// knows it: a spare may have a short session.
func (e *engine) show() {
	if e.pool {
		e.text = title.AppendPool(e.text[:0], e.label, e.live)
		e.title.Set(e.text)
		return
	}
	for _, s := range e.table {
		if s != nil && s.client != nil && e.bell.told {
			e.text = title.AppendSession(e.text[:0], e.label, &s.row.Client, s.targetName())
			e.title.Set(e.text)
			return
		}
	}
	e.showSpare()
}

// targetName is the session's target as titles show it.
func (s *session) targetName() string {
	switch {
	case s.slot < 0:
		return ""
	case s.board.Assignment.Via.Kind != 0:
		return s.board.Target(s.slot).Name.String()
	}
	return s.records.target(s.slot).full
}
