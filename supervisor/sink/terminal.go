// Writing to a terminal that stops background processes that write to it: the
// writer's thread blocks the signal that would stop it.

package sink

import (
	"runtime"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// Terminal writes to stderr, for one goroutine. If the master has a terminal, it
// is a background process of it. Some terminals send TTOU to background processes
// that write to them (termios(3), TOSTOP), which would pause the plug.
type Terminal struct{ ready bool }

// Write writes a record to stderr. If the terminal would stop this process for
// that, it drops the record.
func (t *Terminal) Write(p []byte) {
	t.Prepare()
	for len(p) > 0 && !host.StopsWriters(2) {
		n, err := unix.Write(2, p)
		if err != nil && err != unix.EINTR {
			return
		}
		p = p[max(0, n):]
	}
}

// Prepare makes the calling goroutine's thread one that no terminal sends TTOU.
// The thread is never unlocked.
func (t *Terminal) Prepare() {
	if !t.ready {
		t.ready = true
		runtime.LockOSThread()
		host.BlockTTOU()
	}
}
