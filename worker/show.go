//go:build linux && !portable

package worker

import (
	"daemon/plug/worker/title"
)

// show makes the process title tell what this worker does now, as the master
// knows it: a spare may have a short session.
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
		if s == nil || s.state == ended {
			continue
		}
		name := ""
		if s.slot >= 0 {
			name = e.records.target(s.slot).full
			if e.board.Assignment.Via.Kind != 0 {
				name = e.board.Target(s.slot).Name.String()
			}
		}
		e.text = title.AppendSession(e.text[:0], e.label, &s.row.Client, name)
		e.title.Set(e.text)
		return
	}
}
