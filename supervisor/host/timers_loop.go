//go:build linux && !portable

// The timers of workers with the Linux engine: their other threads may wake up
// late, which avoids most of their wake-ups.

package host

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// RelaxTimers gives all threads of workers started from here on, except their main
// one, timers that may be 100 ms late (prctl(2) PR_SET_TIMERSLACK, which a child
// inherits). The runtime's monitor thread sleeps 20 µs at a time, some fifty times
// whenever a worker goes to sleep or wakes up. Beside a busy worker, it sleeps 10
// ms at a time, and then makes the scheduler move the worker to another thread.
// With slack, it does this only a few times. The calling goroutine keeps its
// thread.
func RelaxTimers() {
	const late = 100 * time.Millisecond
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(late), 0, 0, 0)
}
