// The shepherd as PID 1, as in a container: how it ends what a master leaves.

package shepherd

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long the processes of a dead master have to end on their own, and then
// again after TERM.
const leftPatience = 500 * time.Millisecond

// leave ends the processes that the last master has left, if this process is
// PID 1: its own end would kill them. Spares end on their own; workers without
// a master write the lines of their sessions at TERM.
func leave(signals <-chan os.Signal) {
	if os.Getpid() != 1 || childless(signals, leftPatience) {
		return
	}
	unix.Kill(-1, unix.SIGTERM)
	childless(signals, leftPatience)
}

// childless waits until this process has no children, and reports whether it
// has none.
func childless(signals <-chan os.Signal, patience time.Duration) bool {
	late := time.After(patience)
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err == unix.ECHILD {
			return true
		}
		if pid > 0 || err == unix.EINTR {
			continue
		}
		for s := os.Signal(nil); s != syscall.SIGCHLD; {
			select {
			case s = <-signals:
			case <-late:
				return false
			}
		}
	}
}
