// What a failed accept says about the client, the port or this host.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// mostFailures is how many clients in a row may have gone before they were accepted.
// After more than that, accept(2) itself must be failing.
const mostFailures = 8

// accepted is the result of an accept.
type accepted uint8

const (
	took     accepted = iota // a client
	nobody                   // no client is waiting
	lost                     // this client has gone; another may be waiting
	shut                     // the master has shut the port down
	hindered                 // this host can't accept now; the reason is published
)

// judgeAccept judges an accept by its errno.
func (w *worker) judgeAccept(errno syscall.Errno) accepted {
	switch {
	case errno == 0:
		w.failures = 0
		w.hears()
		return took
	case errno == syscall.EAGAIN:
		w.failures = 0
		return nobody
	case w.portClosed(errno):
		return shut
	}
	if w.failures++; !lasting(errno) && w.failures < mostFailures {
		return lost
	}
	w.deaf(errno)
	return hindered
}

// portClosed reports whether a failed accept means that the master has shut the port
// down: the master closes the gate for good before that. If the gate is open, another
// process has shut the listener down, and the master will listen again.
func (w *worker) portClosed(errno syscall.Errno) bool {
	return errno == syscall.EINVAL && w.board.State.Gate.Load() == board.GateDraining
}

// lasting reports whether accept fails because of this host, so that retrying at once is
// useless: descriptors or memory have run out, or nothing listens any more (accept(2)).
func lasting(errno syscall.Errno) bool {
	return record.Scarce(errno) || errno == syscall.EINVAL || errno == syscall.EBADF || errno == syscall.ENOTSOCK
}

// deaf publishes why no client can be accepted; hears withdraws that. Both read the word
// before they write it, because it lies next to the gate, which all workers read.
func (w *worker) deaf(errno syscall.Errno) {
	if w.board.State.Deaf.Load() != uint32(errno) {
		w.board.State.Deaf.Store(uint32(errno))
	}
	if !w.board.ShouldLog(board.LogAccept, w.clock.ms()) {
		return
	}
	reason := record.Limit(errno)
	if errno == syscall.EINVAL {
		reason = record.Reason(errno) + " (another process shut down the listener)"
	}
	w.records.error("accept", reason)
}

func (w *worker) hears() {
	if w.board.State.Deaf.Load() != 0 {
		w.board.State.Deaf.Store(0)
	}
}
