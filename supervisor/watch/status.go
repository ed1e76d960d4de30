// How a worker ended: its exit status or signal, as text and as a field of the
// log.

package watch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Status is how a worker ended.
type Status struct {
	Known  bool // false for adopted workers: they were no children of this process
	Exit   int  // exit status, if signal is 0
	Signal unix.Signal
}

// Reason returns how the worker ended, as records say it.
func (w Status) Reason() string {
	switch {
	case !w.Known:
		return "worker died"
	case w.Signal != 0:
		return fmt.Sprintf("killed by signal %d", int(w.Signal))
	}
	return fmt.Sprintf("worker ended with status %d", w.Exit)
}

// Key says what Value is: a signal or an exit status.
func (w Status) Key() string {
	if w.Signal != 0 {
		return "signal"
	}
	return "status"
}

// Value returns the signal or the exit status.
func (w Status) Value() int {
	if w.Signal != 0 {
		return int(w.Signal)
	}
	return w.Exit
}
