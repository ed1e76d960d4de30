//go:build linux && !portable

// How a worker of the event loop follows a live change: a new assignment replaces the one
// that it has, and sessions follow where that makes sense.

package worker

import (
	"slices"
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// FollowsChanges says that this build's workers follow live changes.
const FollowsChanges = true

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

// addListener takes clients of a new listener, too.
func (e *engine) addListener(fd int, number uint32) {
	if fd < 0 {
		return
	}
	l := inheritedListener{number, fd}
	if e.draining || slices.ContainsFunc(e.worker.listeners, func(had inheritedListener) bool { return had.number == number }) {
		syscall.Close(fd)
		return
	}
	e.worker.listeners = append(e.worker.listeners, l)
	e.accept.listeners = append(e.accept.listeners, &listener{inheritedListener: l})
	e.join()
}

// leaveListener leaves one listener for good, after a last accept: a waiting client may
// have woken this worker and no other.
func (e *engine) leaveListener(number uint32) {
	e.worker.listeners = slices.DeleteFunc(e.worker.listeners, func(l inheritedListener) bool { return l.number == number })
	for _, l := range e.accept.listeners {
		if l.number != number || l.closed {
			continue
		}
		e.lastAccept(l)
		kernel.Close(l.fd)
		l.fd = -1
	}
}
