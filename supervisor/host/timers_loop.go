//go:build linux && !portable

// The timers of workers with the Linux engine: their other threads may wake up
// late, which saves most of their wake-ups.

package host

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// RelaxTimers gives the threads of workers started from here on, but for their
// main one, timers that may be late by 100 ms (prctl(2) PR_SET_TIMERSLACK, which
// a child inherits). The runtime's monitor thread sleeps 20 µs at a time, some
// fifty times whenever a worker goes to sleep or wakes up, and 10 ms at a time
// beside a busy one, which it then has scheduled anew, by way of another thread.
// So it does it a few times instead. The calling goroutine keeps its thread.
func RelaxTimers() {
	const late = 100 * time.Millisecond
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(late), 0, 0, 0)
}
