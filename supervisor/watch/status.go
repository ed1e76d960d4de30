// How a worker ended: its exit status or the signal, in words and as a field of the
// log.

package watch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Status is how a worker ended.
type Status struct {
	Known  bool // false for one that was nobody's child here
	Exit   int  // exit status, if signal is 0
	Signal unix.Signal
}

// Reason is the worker's end in the words of records.
func (w Status) Reason() string {
	switch {
	case !w.Known:
		return "worker died"
	case w.Signal != 0:
		return fmt.Sprintf("killed by signal %d", int(w.Signal))
	}
	return fmt.Sprintf("worker ended with status %d", w.Exit)
}

// Key names what Value is: a signal or an exit status.
func (w Status) Key() string {
	if w.Signal != 0 {
		return "signal"
	}
	return "status"
}

// Value is the signal or the exit status.
func (w Status) Value() int {
	if w.Signal != 0 {
		return int(w.Signal)
	}
	return w.Exit
}
