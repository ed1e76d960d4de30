// Tests of how real processes end, and that a PID stays in use until the process
// is reaped.

package watch

import (
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/await"
)

// How workers end, with real processes.
func TestWaitStatus(t *testing.T) {
	for _, c := range []struct {
		script string
		want   Status
		reason string
		key    string
		value  int
	}{
		{"exit 0", Status{Known: true}, "worker ended with status 0", "status", 0},
		{"exit 3", Status{Known: true, Exit: 3}, "worker ended with status 3", "status", 3},
		{"exit 255", Status{Known: true, Exit: 255}, "worker ended with status 255", "status", 255},
		{"kill -9 $$", Status{Known: true, Signal: unix.SIGKILL}, "killed by signal 9", "signal", 9},
		{"kill -15 $$", Status{Known: true, Signal: unix.SIGTERM}, "killed by signal 15", "signal", 15},
	} {
		pid, pidfd := startChild(t, "sh", "-c", c.script)
		w := new(Watcher)
		await.Until(t, c.script, func() bool { return w.Status(pidfd).Known })
		for range 2 { // the status can be read again
			if got := w.Status(pidfd); got != c.want || got.Reason() != c.reason || got.Key() != c.key || got.Value() != c.value {
				t.Errorf("%s: %+v, %q, %s=%d", c.script, got, got.Reason(), got.Key(), got.Value())
			}
		}
		if err := unix.Kill(pid, 0); err != nil {
			t.Errorf("%s: its PID is free before it is reaped: %v", c.script, err)
		}
		w.Reap(pidfd)
		if err := unix.Kill(pid, 0); err != unix.ESRCH {
			t.Errorf("%s: still there when reaped: %v", c.script, err)
		}
	}
	pid, pidfd := startChild(t, "sleep", "60")
	if s := new(Watcher).Status(pidfd); s.Known {
		t.Errorf("a living one: %+v", s)
	}
	unix.Kill(pid, unix.SIGKILL)
	unix.Wait4(pid, nil, 0, nil)
	if s := new(Watcher).Status(pidfd); s.Known || s.Reason() != "worker died" {
		t.Errorf("nobody's child any more: %+v, %q", s, s.Reason())
	}
	unix.Close(pidfd)
}
