// Tests of the master's end: which lines are written, which workers it waits for
// and how long, and admins who send several signals.

package supervisor

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// alive reports whether the worker's process runs.
func (s *testMaster) alive(a *testWorker) bool { return !s.watcher.Status(a.pidfd).Known }

// expire lets the time limit of this phase expire.
func (s *testMaster) expire() { s.shutdown.deadline = time.Now().Add(-time.Second) }

// withSession returns a serving master with one session, its worker and a spare.
func withSession(t *testing.T, set func(*settings)) (s *testMaster, carrier, idle *testWorker) {
	s, all := serving(t, set)
	s.ring(all[0], report.Begin)
	s.addSession(all[0], "10.0.0.1:4000")
	for _, a := range all {
		a.orders()
	}
	s.afterEvent()
	return s, all[0], all[1]
}

// told reports whether the order has arrived since the last call.
func (a *testWorker) told(o report.Order) bool { return strings.Contains(a.orders(), string(rune(o))) }

func TestTerm(t *testing.T) {
	path := t.TempDir() + "/plug.pid"
	s, carrier, idle := withSession(t, func(c *settings) { c.Pidfile = path })
	if s.done() {
		t.Fatal("done before any signal")
	}
	s.signal(syscall.SIGTERM)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the pidfile is still there: %v", err)
	}
	if err := portIsFree(t, s); err != nil {
		t.Errorf("the port is not free: %v", err)
	}
	if s.phase != stopping {
		t.Errorf("phase %d, want stopping", s.phase)
	}
	if gate := s.plug.generation.board.State.Gate.Load(); gate != board.GateDraining {
		t.Errorf("the gate is %d, want draining", gate)
	}
	if !carrier.told(report.Drain) || !idle.told(report.Drain) {
		t.Error("the workers were not told to drain")
	}
	if s.done() {
		t.Error("done at once: workers killed with the master would not be buried")
	}
	s.kill(idle, unix.SIGKILL)
	s.reap()
	if s.done() {
		t.Error("done although there is time left to bury workers")
	}
	s.expire()
	if !s.done() {
		t.Error("the master waits for sessions")
	}
	if !s.alive(carrier) {
		t.Error("the session was ended")
	}
	s.populate()
	if len(s.spawner.requests) != 1 { // the replacement of the spare, requested earlier
		t.Errorf("%d spawns requested by a master that stops", len(s.spawner.requests))
	}
}

// portIsFree binds the plug's port while its listener is still open.
func portIsFree(t *testing.T, s *testMaster) error {
	t.Helper()
	at := boundTo(t, s.plug.listeners[0].fd)
	fd, err := host.Listen(config.Source{Addr: at.Addr(), Port: at.Port()}, 10, config.Sockets{})
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// After kill $(cat pidfile), the master still writes session lines: it buries the
// workers that are killed with it.
func TestTermBuries(t *testing.T) {
	s, carrier, idle := withSession(t, nil)
	o := <-s.spawner.requests
	late := s.startSleeper(o)
	s.signal(syscall.SIGTERM)
	s.plug.spawned(spawnResult{child: late.child, pid: late.pid, pidfd: late.pidfdOf()})
	if late.state != draining {
		t.Errorf("a worker spawned while the master stops is %s, want draining", late.state)
	}
	if !late.told(report.Drain) {
		t.Error("a worker spawned while the master stops was not told to drain")
	}
	s.kill(carrier, unix.SIGTERM)
	s.kill(idle, unix.SIGTERM)
	s.kill(late, unix.SIGTERM)
	s.writePidfile(time.Now().Add(time.Second))
	s.reap()
	if !s.done() {
		t.Error("all workers are dead, and the master still waits")
	}
	if line := s.sessionLines(1)[0]; !strings.Contains(line, " 10.0.0.1 ") {
		t.Errorf("line %q", line)
	}
}

// When many workers are killed with the master, it waits as long as more sessions
// end with them, but with a limit, and not for spares.
func TestTermKeepsBurying(t *testing.T) {
	s, carrier, idle := withSession(t, nil)
	s.ring(idle, report.Begin)
	s.addSession(idle, "10.0.0.2:4000")
	s.afterEvent()
	s.signal(syscall.SIGTERM)
	soon := time.Now().Add(10 * time.Millisecond)
	s.shutdown.deadline = soon
	s.kill(carrier, unix.SIGTERM)
	if left := time.Until(s.shutdown.deadline); left < buryFor/2 || left > buryFor {
		t.Errorf("after the burial of a session %v are left, want at most %v", left, buryFor)
	}
	s.shutdown.buryUntil = soon
	s.kill(idle, unix.SIGTERM)
	if !s.shutdown.deadline.Equal(soon) {
		t.Errorf("the deadline is %v, want %v, the limit of all burials", s.shutdown.deadline, soon)
	}

	s, _, idle = withSession(t, nil)
	s.signal(syscall.SIGTERM)
	s.shutdown.deadline = soon
	s.kill(idle, unix.SIGTERM)
	if !s.shutdown.deadline.Equal(soon) {
		t.Error("a spare's death delayed the end")
	}
}

func TestInt(t *testing.T) {
	s, carrier, idle := withSession(t, nil)
	s.signal(syscall.SIGINT)
	for _, a := range []*testWorker{carrier, idle} {
		until(t, "TERM ends it", func() bool { return !s.alive(a) })
		s.kill(a, unix.SIGTERM)
	}
	s.writePidfile(time.Now().Add(time.Second))
	s.reap()
	for len(s.spawner.requests) > 0 { // one more start was in progress
		o := <-s.spawner.requests
		unix.Close(o.lifeline[1])
		s.plug.spawned(spawnResult{child: o.child, err: unix.EAGAIN})
	}
	if !s.done() {
		t.Errorf("not done: %v", s.states())
	}
	s.sessionLines(1)
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("stop: ending 1 session") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
	if n := s.plug.totals.Ended[board.AdminEnded]; n != 1 {
		t.Errorf("%d sessions ended by the admin, want 1", n)
	}
}

// A worker that TERM does not end is killed. One that cannot be killed does not keep
// the master.
func TestIntKillsStoppedWorkers(t *testing.T) {
	s, all := serving(t, nil)
	for _, a := range all {
		unix.Kill(a.pid, unix.SIGSTOP) // TERM stays pending
		until(t, "a stopped worker", func() bool {
			stat, _ := os.ReadFile("/proc/" + strconv.Itoa(a.pid) + "/stat")
			return bytes.Contains(stat, []byte(") T "))
		})
	}
	s.signal(syscall.SIGINT)
	if s.done() || !s.alive(all[0]) {
		t.Fatal("workers get no time for TERM")
	}
	s.expire()
	if s.done() {
		t.Error("done before KILL has worked")
	}
	until(t, "KILL ends it", func() bool { return !s.alive(all[0]) && !s.alive(all[1]) })
	rounds := 0
	for ; !s.done(); rounds++ { // the master does not learn of the deaths
		if s.expire(); rounds > 5 {
			t.Fatal("the master never stops waiting")
		}
	}
	for _, a := range all {
		a.dead = true
	}
}

func TestQuit(t *testing.T) {
	s, carrier, idle := withSession(t, nil)
	s.signal(syscall.SIGQUIT)
	if err := portIsFree(t, s); err != nil {
		t.Errorf("the port is not free: %v", err)
	}
	if !carrier.told(report.Drain) || !idle.told(report.Drain) {
		t.Error("the workers were not told to drain")
	}
	if !s.shutdown.deadline.IsZero() {
		t.Errorf("deadline %v, want none", s.shutdown.deadline)
	}
	s.signal(syscall.SIGQUIT) // repeating it changes nothing
	s.kill(idle, unix.SIGKILL)
	for len(s.spawner.requests) > 0 {
		o := <-s.spawner.requests
		unix.Close(o.lifeline[1])
		s.plug.spawned(spawnResult{child: o.child, err: unix.EAGAIN})
	}
	s.writePidfile(time.Now().Add(time.Second))
	s.reap()
	if s.done() {
		t.Error("done before the last session has ended")
	}
	if !s.alive(carrier) {
		t.Error("the session was ended")
	}
	s.apply(carrier.child, hasEnded)
	s.kill(carrier, unix.SIGKILL)
	s.writePidfile(time.Now().Add(2 * time.Second))
	s.reap()
	if !s.done() {
		t.Error("not done after the last session has ended")
	}
}

func TestDrainTimeout(t *testing.T) {
	s, carrier, _ := withSession(t, func(c *settings) { c.DrainTimeout = time.Hour })
	s.signal(syscall.SIGQUIT)
	if left := time.Until(s.shutdown.deadline); left < 59*time.Minute || left > time.Hour {
		t.Errorf("%v left", left)
	}
	if s.done() {
		t.Error("done before the timeout")
	}
	s.expire()
	if s.done() {
		t.Error("done before the sessions have ended")
	}
	if !s.shutdown.ending {
		t.Error("sessions are not ended after the timeout")
	}
	until(t, "TERM ends it", func() bool { return !s.alive(carrier) })
	carrier.dead = true
}

// Several signals: TERM after QUIT lets the sessions continue, INT ends them.
func TestSignalsInARow(t *testing.T) {
	s, carrier, _ := withSession(t, nil)
	s.signal(syscall.SIGQUIT)
	s.signal(syscall.SIGTERM)
	s.expire()
	if !s.done() || !s.alive(carrier) {
		t.Error("TERM after QUIT: the session was ended, or the master waits for it")
	}
	s, carrier, _ = withSession(t, nil)
	s.signal(syscall.SIGQUIT)
	s.signal(syscall.SIGINT)
	until(t, "INT after QUIT ends the session", func() bool { return !s.alive(carrier) })
	carrier.dead = true
	s, carrier, _ = withSession(t, nil)
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGQUIT)
	s.expire()
	if !s.done() || !s.alive(carrier) {
		t.Error("QUIT after TERM: the master waits")
	}
}
