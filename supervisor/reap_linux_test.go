package supervisor

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

// How workers end, by real ones.
func TestWaitStatus(t *testing.T) {
	for _, c := range []struct {
		script string
		want   waitStatus
		reason string
		key    string
		value  int
	}{
		{"exit 0", waitStatus{known: true}, "worker ended with status 0", "status", 0},
		{"exit 3", waitStatus{known: true, status: 3}, "worker ended with status 3", "status", 3},
		{"exit 255", waitStatus{known: true, status: 255}, "worker ended with status 255", "status", 255},
		{"kill -9 $$", waitStatus{known: true, signal: unix.SIGKILL}, "killed by signal 9", "signal", 9},
		{"kill -15 $$", waitStatus{known: true, signal: unix.SIGTERM}, "killed by signal 15", "signal", 15},
	} {
		pid, pidfd := start(t, "sh", "-c", c.script)
		w := new(watcher)
		until(t, c.script, func() bool { return w.status(pidfd).known })
		for range 2 { // it stays to be asked again
			if got := w.status(pidfd); got != c.want || got.reason() != c.reason || got.key() != c.key || got.value() != c.value {
				t.Errorf("%s: %+v, %q, %s=%d", c.script, got, got.reason(), got.key(), got.value())
			}
		}
		if err := unix.Kill(pid, 0); err != nil {
			t.Errorf("%s: its PID is free before it is reaped: %v", c.script, err)
		}
		w.reap(pidfd)
		if err := unix.Kill(pid, 0); err != unix.ESRCH {
			t.Errorf("%s: still there when reaped: %v", c.script, err)
		}
	}
	pid, pidfd := start(t, "sleep", "60")
	if s := new(watcher).status(pidfd); s.known {
		t.Errorf("a living one: %+v", s)
	}
	unix.Kill(pid, unix.SIGKILL)
	unix.Wait4(pid, nil, 0, nil)
	if s := new(watcher).status(pidfd); s.known || s.reason() != "worker died" {
		t.Errorf("nobody's child any more: %+v, %q", s, s.reason())
	}
	unix.Close(pidfd)
}

// A dead worker is reaped only when the pidfile no longer names it.
func TestReapedAfterThePidfile(t *testing.T) {
	path := t.TempDir() + "/plug.pid"
	s, all := serving(t, func(c *config.Config) { c.Pidfile = path })
	a := all[0]
	now := time.Now()
	s.ring(a, 2) // BEGIN
	s.writePidfile(now)
	s.answered()
	if text, _ := os.ReadFile(path); string(text) != lines(s.pid, a.pid) {
		t.Fatalf("pidfile %q", text)
	}
	s.die(a, unix.SIGKILL)
	s.reap()
	if unix.Kill(a.pid, 0) != nil {
		t.Fatal("reaped while the pidfile names it")
	}
	s.writePidfile(now.Add(time.Minute))
	s.reap()
	if unix.Kill(a.pid, 0) != nil {
		t.Fatal("reaped before the new pidfile was there")
	}
	s.answered()
	if text, _ := os.ReadFile(path); string(text) != lines(s.pid) {
		t.Errorf("pidfile %q", text)
	}
	s.reap()
	if unix.Kill(a.pid, 0) != unix.ESRCH {
		t.Error("not reaped")
	}
	s.settled()
}

// Who never was in the pidfile is reaped at once.
func TestSpareIsReaped(t *testing.T) {
	s, all := serving(t, nil)
	s.pidfile.dirty = false
	s.die(all[1], unix.SIGKILL)
	s.reap()
	if unix.Kill(all[1].pid, 0) != unix.ESRCH {
		t.Error("not reaped")
	}
	if s.count[gone] != 0 || len(s.dead) != 0 {
		t.Errorf("%d gone, %d dead", s.count[gone], len(s.dead))
	}
	s.settled()
	if s.count[starting] != 1 {
		t.Errorf("%d born in its place", s.count[starting])
	}
}

// A worker that had left the list before it died is reaped only when that list
// has been written.
func TestReapWaitsForTheListInFlight(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.Pidfile = t.TempDir() + "/plug.pid" })
	a, now := all[0], time.Now()
	s.ring(a, 2) // BEGIN
	s.writePidfile(now)
	s.answered()
	s.ring(a, 3)                         // END
	s.writePidfile(now.Add(time.Minute)) // and it is not known yet whether that was done
	s.die(a, unix.SIGKILL)
	s.reap()
	if unix.Kill(a.pid, 0) != nil {
		t.Error("reaped while the pidfile may name it")
	}
	s.answered()
	s.reap()
	if unix.Kill(a.pid, 0) != unix.ESRCH {
		t.Error("not reaped in the end")
	}
}

// A pidfile that can't be written keeps the dead, but not so many that nobody
// could be born any more.
func TestBrokenPidfileKeepsFewDead(t *testing.T) {
	s, all := serving(t, func(c *config.Config) {
		c.Pidfile = t.TempDir() + "/plug.pid"
		c.SparesMin, c.SparesMax, c.MaxWorkers = 12, 12, 16
	})
	s.pidfile.file.Close()
	now := time.Now()
	for i, a := range all {
		s.ring(a, 2)
		s.die(a, unix.SIGKILL)
		now = now.Add(time.Minute)
		if s.writePidfile(now); s.pidfile.writing {
			s.answered()
		}
		s.reap()
		if most := s.cfg.MaxWorkers / 4; len(s.dead) > most || i == 0 && len(s.dead) != 1 {
			t.Fatalf("%d dead are kept after %d deaths, want at most %d", len(s.dead), i+1, most)
		}
	}
	s.recount()
}
