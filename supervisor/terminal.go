// Writing to a terminal that stops background processes that write to it: the
// writer's thread is one that cannot be stopped so.

package supervisor

import (
	"runtime"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// terminalWriter writes to stderr, for one goroutine. The master is a background
// process of its terminal, if it has one, and some terminals send those that write
// to them TTOU (termios(3), TOSTOP), which would pause the plug.
type terminalWriter struct{ ready bool }

func (t *terminalWriter) write(p []byte) {
	t.prepare()
	for len(p) > 0 && !host.StopsWriters(2) {
		n, err := unix.Write(2, p)
		if err != nil && err != unix.EINTR {
			return
		}
		p = p[max(0, n):]
	}
}

// prepare makes the calling goroutine's thread one that no terminal sends TTOU.
// The thread is never unlocked.
func (t *terminalWriter) prepare() {
	if !t.ready {
		t.ready = true
		runtime.LockOSThread()
		host.BlockTTOU()
	}
}
