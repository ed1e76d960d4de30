// Tests of when dead workers are reaped: only when the pidfile no longer names
// them.

package supervisor

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A dead worker is reaped only when the pidfile no longer names it.
func TestReapedAfterThePidfile(t *testing.T) {
	path := t.TempDir() + "/plug.pid"
	s, all := serving(t, func(c *settings) { c.Pidfile = path })
	a := all[0]
	now := time.Now()
	s.ring(a, 2) // BEGIN
	s.writePidfile(now)
	s.pidfileAnswered()
	if text, _ := os.ReadFile(path); string(text) != lines(s.pid, a.pid) {
		t.Fatalf("pidfile %q", text)
	}
	s.kill(a, unix.SIGKILL)
	s.reap()
	if unix.Kill(a.pid, 0) != nil {
		t.Fatal("reaped while the pidfile names it")
	}
	s.writePidfile(now.Add(time.Minute))
	s.reap()
	if unix.Kill(a.pid, 0) != nil {
		t.Fatal("reaped before the new pidfile was there")
	}
	s.pidfileAnswered()
	if text, _ := os.ReadFile(path); string(text) != lines(s.pid) {
		t.Errorf("pidfile %q", text)
	}
	s.reap()
	if unix.Kill(a.pid, 0) != unix.ESRCH {
		t.Error("not reaped")
	}
	s.afterEvent()
}

// A worker that was never in the pidfile is reaped at once.
func TestSpareIsReaped(t *testing.T) {
	s, all := serving(t, nil)
	s.pidfile.dirty = false
	s.kill(all[1], unix.SIGKILL)
	s.reap()
	if unix.Kill(all[1].pid, 0) != unix.ESRCH {
		t.Error("not reaped")
	}
	if s.plug.count[gone] != 0 || len(s.dead) != 0 {
		t.Errorf("%d gone, %d dead", s.plug.count[gone], len(s.dead))
	}
	s.afterEvent()
	if s.plug.count[starting] != 1 {
		t.Errorf("%d workers starting in its place", s.plug.count[starting])
	}
}

// A worker that had left the list before it died is reaped only when that list has
// been written.
func TestReapWaitsForTheListInFlight(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.Pidfile = t.TempDir() + "/plug.pid" })
	a, now := all[0], time.Now()
	s.ring(a, 2) // BEGIN
	s.writePidfile(now)
	s.pidfileAnswered()
	s.ring(a, 3)                         // END
	s.writePidfile(now.Add(time.Minute)) // it is not known yet whether the file has been written
	s.kill(a, unix.SIGKILL)
	s.reap()
	if unix.Kill(a.pid, 0) != nil {
		t.Error("reaped while the pidfile may name it")
	}
	s.pidfileAnswered()
	s.reap()
	if unix.Kill(a.pid, 0) != unix.ESRCH {
		t.Error("not reaped in the end")
	}
}

// If the pidfile cannot be written, dead workers are kept, but never so many that
// no worker could be started.
func TestBrokenPidfileKeepsFewDead(t *testing.T) {
	s, all := serving(t, func(c *settings) {
		c.Pidfile = t.TempDir() + "/plug.pid"
		c.SparesMin, c.SparesMax, c.MaxWorkers = 12, 12, 16
	})
	s.pidfile.file.Close()
	now := time.Now()
	for i, a := range all {
		s.ring(a, 2)
		s.kill(a, unix.SIGKILL)
		now = now.Add(time.Minute)
		if s.writePidfile(now); s.pidfile.writing {
			s.pidfileAnswered()
		}
		s.reap()
		if most := s.plug.cfg.MaxWorkers / 4; len(s.dead) > most || i == 0 && len(s.dead) != 1 {
			t.Fatalf("%d dead are kept after %d deaths, want at most %d", len(s.dead), i+1, most)
		}
	}
	s.checkCounts()
}
