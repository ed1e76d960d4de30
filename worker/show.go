// How a worker shows its state: a doorbell for the master, and the process title. Both
// engines use it.

package worker

import (
	"time"

	"daemon/plug/worker/title"
)

const seldomTitle = 50 * time.Millisecond // how old a pool worker's title may be

// tellSoon schedules when a change of this worker's state is shown. A pool worker only
// shows its number of sessions.
func (e *engine) tellSoon() {
	b, now := &e.bell, e.clock.mono
	if e.pool {
		if b.due == 0 {
			b.due = now + int64(seldomTitle)
		}
	} else if b.changed(now, e.live > 0, e.board.State.MayBatch.Load() != 0); b.due != 0 && b.due <= now {
		e.tellNow()
		return
	}
	e.setBell()
}

// tellNow rings, and shows the same in the process title. A pool worker does not ring:
// its sessions are only on the board, and the master lists it until it ends.
func (e *engine) tellNow() {
	if e.bell.due = 0; !e.pool {
		e.tell()
	}
	e.setBell()
	e.suitClass()
	e.show()
}

// show makes the process title say what this worker is doing, as far as the master knows
// it: a spare may have a short session.
func (e *engine) show() {
	if e.pool {
		e.text = title.AppendPool(e.text[:0], e.label, e.live)
		e.title.Set(e.text)
		return
	}
	if e.live == 0 || !e.bell.told {
		e.showSpare()
		return
	}
	for _, s := range e.table {
		if s != nil && s.ongoing() {
			e.text = title.AppendSession(e.text[:0], e.label, &s.row.Client, e.titleTarget(s.slot))
			e.title.Set(e.text)
			return
		}
	}
}

// titleTarget is a target in the form that titles show.
func (w *worker) titleTarget(slot int) string {
	switch {
	case slot < 0:
		return ""
	case w.viaProxy():
		return w.board.Target(slot).Name.String()
	}
	return w.records.target(slot).full
}

func (w *worker) showSpare() {
	if w.pool {
		w.text = title.AppendPool(w.text[:0], w.label, 0)
		w.title.Set(w.text)
		return
	}
	w.text = title.AppendSpare(w.text[:0], w.label)
	w.title.Set(w.text)
}
