//go:build linux && !portable

// How a worker of the event loop follows a live change: a new assignment replaces the one
// that it has, and sessions follow where that makes sense.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
)

// takeAssignment replaces the assignment by a newer one. An older one, which a worker that
// has just started may find on its lifeline, is ignored.
func (e *engine) takeAssignment(fd int) {
	if fd < 0 {
		return
	}
	next, err := board.OpenAssigned(fd)
	syscall.Close(fd)
	if err != nil {
		e.records.error("assignment", err.Error())
		return
	}
	if err := e.board.Follow(next); err != nil {
		next.Close()
		e.records.debug(err.Error())
		return
	}
	e.worker.follow()
	e.followDurations()
}

// follow renews what the worker has derived from its assignment.
func (w *worker) follow() {
	a := w.board.Assignment
	w.tag, w.label = a.Tag.String(), a.Label.String()
	w.records.follow()
	w.column.Epoch.Store(a.Epoch)
}
