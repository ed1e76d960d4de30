// Tests of starting workers: failures slow it down and are logged once, and
// workers inherit the right descriptors.

package supervisor

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/report"
)

// If workers cannot be forked, the pause between attempts grows up to a limit, and the
// failure is logged once. It ends when a worker is ready.
func TestForkFailuresSlowSpawning(t *testing.T) {
	s, all := serving(t, nil)
	s.ring(all[0], report.Begin)
	s.ring(all[1], report.Begin)
	s.afterEvent()
	pause := time.Duration(0)
	for round := range 12 {
		if len(s.spawner.requests) == 0 {
			t.Fatalf("round %d: no spawn was requested", round)
		}
		for len(s.spawner.requests) > 0 {
			o := <-s.spawner.requests
			unix.Close(o.lifeline[1])
			s.plug.spawned(spawnResult{child: o.child, err: unix.EAGAIN})
		}
		if s.plug.spawning.trouble <= pause && s.plug.spawning.trouble != mostTrouble {
			t.Errorf("round %d: pause %v after %v", round, s.plug.spawning.trouble, pause)
		}
		pause = s.plug.spawning.trouble
		s.afterEvent()
		if len(s.spawner.requests) != 0 {
			t.Fatalf("round %d: no pause", round)
		}
		s.plug.spawning.until = time.Now()
		s.afterEvent()
	}
	if pause != mostTrouble {
		t.Errorf("pause %v in the end", pause)
	}
	s.checkLoggedOnce("fork")
	a := s.spawnNext()
	s.ring(a, report.Ready)
	if s.plug.spawning.trouble != 0 {
		t.Error("spawning still pauses after a worker became ready")
	}
	s.afterEvent()
}

// A worker that dies before it is ready slows down the next starts.
func TestDeathBeforeReady(t *testing.T) {
	s, all := serving(t, nil)
	s.ring(all[0], report.Begin)
	s.afterEvent()
	a := s.spawnNext()
	s.kill(a, unix.SIGKILL)
	s.afterEvent()
	if s.plug.spawning.trouble != firstTrouble || len(s.spawner.requests) != 0 {
		t.Errorf("pause %v, %d spawns requested", s.plug.spawning.trouble, len(s.spawner.requests))
	}
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("worker died before it was ready") || !s.syslogLines.has("killed by signal 9") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
}

// The spawner answers each request with the process or the error, and closes the
// worker's end of the lifeline.
func TestSpawnerAnswers(t *testing.T) {
	n := newSpawner()
	var pair [2]int
	n.run(func(o *spawnRequest) (int, int, error) {
		slot := o.child.slot
		if slot == 1 || !o.child.generation.pool() {
			return 0, -1, errors.New("no")
		}
		return 1000 + slot, 2000 + slot, nil
	})
	g, err := newGeneration(1, new(config.Process), &config.Plug{Mode: config.Pool}, 3, 7, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	for slot := range 3 {
		if err := host.Socketpair(&pair); err != nil {
			t.Fatal(err)
		}
		c := &child{slot: slot, generation: g}
		n.requests <- spawnRequest{child: c, lifeline: pair}
		b := <-n.results
		if b.child != c {
			t.Errorf("slot %d: the answer is for another worker", slot)
		}
		if slot == 1 {
			checkError(t, "slot 1", b.err, "no")
		} else if b.err != nil || b.pid != 1000+slot || b.pidfd != 2000+slot {
			t.Errorf("slot %d: PID %d, descriptor %d, error %v; want %d, %d, none", slot, b.pid, b.pidfd, b.err, 1000+slot, 2000+slot)
		}
		unix.SetNonblock(pair[0], true)
		if n, err := unix.Read(pair[0], make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("the worker's end of the lifeline is still open here: %d, %v", n, err)
		}
		unix.Close(pair[0])
	}
}

// What a worker inherits, in the order that it expects.
func TestFiles(t *testing.T) {
	s := newTestMaster(t, nil)
	s.null, s.syslog.FD = 70, 71
	g := s.plug.generation
	closed := ^uintptr(0)
	want := []uintptr{70, 70, 70, 72, uintptr(g.bell), uintptr(g.assignment), uintptr(g.state), uintptr(s.plug.sessionFile.fd), 71, uintptr(s.plug.listeners[0].fd)}
	if got := s.plug.files(g, s.plug.listeners, 72); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.cfg.Foreground, s.stderrOut.fd = true, 2
	fd := s.plug.sessionFile.fd
	s.plug.sessionFile.fd = -1
	want[1], want[2], want[7] = 1, 2, closed
	if got := s.plug.files(g, s.plug.listeners, 72); !slices.Equal(got, want) {
		t.Errorf("in the foreground, without -S: %v, want %v", got, want)
	}
	s.plug.sessionFile.fd = fd
}
