//go:build !linux || portable

package worker

import (
	"daemon/plug/worker/title"
)

// tellSoon lets a change of this worker's state wait for company: a session of
// less than 5 ms then rings no bell at all. When spares are few it rings at once.
func (e *engine) tellSoon() {
	busy, single := e.live > 0, e.board.Assignment.Capacity == 1
	switch {
	case single && busy == e.told:
		e.bellDue = false
	case single && busy && e.board.Plenty.Load() == 0:
		e.tellNow()
	case !e.bellDue:
		e.bellDue = true
		e.bell.Reset(quick)
	}
}

// ringLate is the bell's timer.
func (e *engine) ringLate() {
	e.lock()
	defer e.mu.Unlock()
	if e.bellDue {
		e.tellNow()
	}
}

// tellNow rings, and shows the same in the process title. A pool's sessions
// are the board's alone: its workers are listed for as long as they live.
func (e *engine) tellNow() {
	e.bellDue = false
	if e.board.Assignment.Capacity == 1 {
		e.tell(e.live > 0)
	}
	e.show()
}

// show makes the process title tell what this worker does now.
func (e *engine) show() {
	if e.board.Assignment.Capacity != 1 {
		e.text = title.AppendPool(e.text[:0], e.label, e.live)
		e.title.Set(e.text)
		return
	}
	for _, s := range e.table {
		if s != nil && s.client != nil {
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
	case s.board.Via.Kind != 0:
		return s.board.TargetTable[s.slot].Name.String()
	}
	return s.records.target(s.slot).full
}
