// Tests of a listener that was shut down, of trouble that the service manager is
// told about, and of workers that cannot be started.

package supervisor

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/report"
)

// chosenPort returns a master whose plug serves at a port that the test chose, as a
// plug's always is: the socket keeps it in any case.
func chosenPort(t *testing.T) (*testMaster, []*testWorker) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	return serving(t, func(c *settings) { c.Listeners[0].Port = port })
}

// A listener that was shut down listens again at the next tick, and the workers
// are told. Until then, the service manager gets the reason.
func TestListenerIsRevived(t *testing.T) {
	s, all := chosenPort(t)
	for _, a := range all {
		a.orders()
	}
	now := time.Now()
	unix.Shutdown(s.plug.listeners[0].fd, unix.SHUT_RD)
	s.tick(now)
	if !listens(s.plug.listeners[0].fd) || s.plug.revives() {
		t.Fatal("it does not listen")
	}
	s.client()
	for i, a := range all {
		if !a.told(report.Gate) {
			t.Errorf("worker %d has not been told", i)
		}
	}
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("another process shut it down") {
		t.Errorf("logged %q", s.syslogLines.all())
	}
}

// If another process has taken the port meanwhile, the plug logs it, retries for a
// while and then gives up. Its sessions continue.
func TestListenerIsLost(t *testing.T) {
	s, all := chosenPort(t)
	s.starter.alive = time.Nanosecond
	row := s.addSession(all[0], "10.0.0.1:1")
	unix.Shutdown(s.plug.listeners[0].fd, unix.SHUT_RD)
	other, err := host.Listen(s.plug.cfg.Listeners[0], 10, config.Sockets{})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	now := time.Now()
	s.tick(now)
	if s.phase != running || listens(s.plug.listeners[0].fd) {
		t.Fatalf("phase %d, listening %v", s.phase, listens(s.plug.listeners[0].fd))
	}
	if why := "the listener was shut down"; !strings.Contains(s.plug.trouble(), why) || !strings.Contains(s.starter.status, why) {
		t.Errorf("trouble %q, the service manager was told %q", s.plug.trouble(), s.starter.status)
	}
	s.tick(now.Add(reviveWithin))
	checkEqual(t, "the phase", s.phase, stopping)
	checkError(t, "a plug without its port", s.shutdown.failure, "in use")
	if row.Word().State() != 1 {
		t.Errorf("the session's row is %v", row.Word().State())
	}
	s.checkLoggedOnce("another process shut it down")
}

// A plug that cannot serve clients and has no session does not report itself alive to
// the service manager. One with sessions does, because a restart would end them.
func TestTroubleIsTold(t *testing.T) {
	s, all := chosenPort(t)
	s.starter.alive = time.Nanosecond
	alive := func() (n int) {
		s.tick(time.Now())
		for _, word := range s.starter.told {
			if word == "alive" {
				n++
			}
		}
		s.starter.told = nil
		return n
	}
	if alive() != 1 {
		t.Error("a plug that serves is not alive")
	}
	s.plug.generation.board.State.Deaf.Store(uint32(unix.EPERM))
	if n := alive(); n != 0 || !strings.Contains(s.starter.status, "cannot accept clients: Operation not permitted") {
		t.Errorf("alive %d times, status %q", n, s.starter.status)
	}
	s.addSession(all[0], "10.0.0.1:1")
	if alive() != 1 {
		t.Error("a plug with a session is not alive")
	}
	s.plug.generation.board.State.Deaf.Store(0)
	alive()
	if strings.Contains(s.starter.status, "no client") {
		t.Errorf("status %q after workers can accept again", s.starter.status)
	}
}

// If workers cannot accept, no more are started: new ones could not accept either.
// If only some have run out of descriptors, others may still have some.
func TestNoSpawnsIfAcceptFails(t *testing.T) {
	for errno, want := range map[unix.Errno]int{unix.EPERM: 0, unix.EMFILE: 1} {
		s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 2, 2, 4 })
		s.client()
		s.plug.generation.board.State.Deaf.Store(uint32(errno))
		for range 2 * (len(all) + 2) {
			s.plug.nudgeMore()
		}
		if n := min(1, s.plug.count[starting]); n != want {
			t.Errorf("%v: %d workers starting, want %d", errno, n, want)
		}
	}
}

// A worker that exits without a session, although it was ready, slows down the
// next starts. One that has served, or that was killed, does not.
func TestIdleExits(t *testing.T) {
	s, all := serving(t, nil)
	s.kill(all[0], unix.SIGKILL)
	s.afterEvent()
	if s.plug.spawning.idle.trouble != 0 {
		t.Error("a killed worker slows spawning down")
	}
	pause := time.Duration(0)
	for round := range 8 {
		a := s.spawnNext()
		s.ring(a, report.Ready)
		s.kill(a, unix.SIGUSR1) // to the master, an end like any other; nohup(1) ignores HUP
		if s.plug.spawning.idle.trouble <= pause && s.plug.spawning.idle.trouble != mostTrouble {
			t.Errorf("round %d: pause %v after %v", round, s.plug.spawning.idle.trouble, pause)
		}
		pause = s.plug.spawning.idle.trouble
		s.afterEvent()
		if len(s.spawner.requests) != 0 {
			t.Fatalf("round %d: no pause", round)
		}
		s.plug.spawning.idle.until = time.Now()
		s.afterEvent()
	}
	a := s.spawnNext()
	s.ring(a, report.Ready)
	s.addSession(a, "10.0.0.1:1").Free()
	s.kill(a, unix.SIGUSR1)
	if s.plug.spawning.idle.trouble != 0 {
		t.Error("still slow after a worker that has served")
	}
	s.checkLoggedOnce("worker ended without a session")
}
