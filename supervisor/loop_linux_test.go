// Tests of the loop: the start, clients at the limit, a plug without workers,
// spares that are retired, and a pool; the test plays the workers.

package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// states returns the workers' states, in the order of the roster.
func (s *testMaster) states() (all []lifeState) {
	for _, c := range s.roster {
		all = append(all, c.state)
	}
	return all
}

// The gate opens when all first workers are ready, and the starter is told once.
func TestFirstWorkersOpenTheGate(t *testing.T) {
	s := newTestMaster(t, nil)
	gate := &s.plug.generation.board.State.Gate
	s.populate()
	s.populate() // the same need does not cause another request
	if len(s.spawner.requests) != 2 || s.plug.count[starting] != 2 {
		t.Fatalf("%d spawns requested", len(s.spawner.requests))
	}
	first, second := s.spawnNext(), s.spawnNext()
	s.ring(first, report.Ready)
	s.afterEvent()
	checkEqual(t, "the phase while one worker is not ready", s.phase, opening)
	checkEqual(t, "the gate while one worker is not ready", gate.Load(), board.GateClosed)
	checkEqual(t, "the number of READY to the starter while one worker is not ready", s.starter.ready, 0)
	s.ring(second, report.Ready)
	s.afterEvent()
	checkEqual(t, "the phase", s.phase, running)
	checkEqual(t, "the gate", gate.Load(), board.GateOpen)
	checkEqual(t, "the number of READY to the starter", s.starter.ready, 1)
	if got := s.states(); !slices.Equal(got, []lifeState{spare, spare}) {
		t.Errorf("roster %v", got)
	}
	for _, a := range []*testWorker{first, second} {
		if got := a.orders(); got != string(rune(report.Gate)) {
			t.Errorf("orders %q", got)
		}
	}
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("(127.0.0.1 0): Plugdaemon started.") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
	if s.plug.generation.board.State.MayBatch.Load() != 1 {
		t.Error("there are enough spares, but workers may not batch doorbells")
	}
}

// At --max-workers, clients have to wait; that is logged once.
func TestClientsWaitAtTheLimit(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.MaxWorkers = 2 })
	for _, a := range all {
		s.ring(a, report.Begin)
	}
	s.client()
	for range 3 {
		s.afterEvent()
	}
	lines := slices.DeleteFunc(s.syslogged(), func(line string) bool { return !strings.Contains(line, "clients are waiting") })
	checkLine(t, "clients at the limit", lines, "max-workers=2")
	checkEqual(t, "the number of workers", len(s.roster), 2)
}

// With --spares 0:N an idle plug has no workers, and starts one for a client.
func TestIdlePlugHasNoWorkers(t *testing.T) {
	s := newTestMaster(t, func(c *settings) { c.SparesMin, c.SparesMax = 0, 3 })
	s.watcher.Start()
	s.afterEvent()
	if s.phase != running || len(s.roster) != 0 {
		t.Fatalf("phase %d, %d workers", s.phase, len(s.roster))
	}
	s.afterEvent() // asks the watcher for the next client
	s.client()
	select {
	case seen := <-s.watcher.Seen:
		if !seen.Arrival {
			t.Fatalf("%+v", seen)
		}
	case <-time.After(patience):
		t.Fatal("the watcher reported nothing")
	}
	s.afterEvent()
	if s.plug.count[starting] != 1 {
		t.Errorf("%d workers starting for one client", s.plug.count[starting])
	}
}

// Spares that have not been needed for a while are retired, the newest first, but
// never below the number wanted.
func TestRest(t *testing.T) {
	s := newTestMaster(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 6, 6, 10 })
	s.populate()
	all := s.startSpares(6)
	s.afterEvent()
	s.plug.cfg.SparesMin, s.plug.cfg.SparesMax = 1, 2
	for range 2 * restAfter {
		s.tick(time.Now())
	}
	if s.plug.count[draining] == 0 || s.plug.count[draining] > 4 {
		t.Fatalf("%d were retired", s.plug.count[draining])
	}
	for range 10 * restAfter {
		s.tick(time.Now())
	}
	if want := []lifeState{spare, spare, draining, draining, draining, draining}; !slices.Equal(s.states(), want) {
		t.Errorf("roster %v", s.states())
	}
	for i, a := range all {
		if told := strings.Contains(a.orders(), string(rune(report.Drain))); told != (i >= 2) {
			t.Errorf("worker %d told to drain: %v", i, told)
		}
	}
	s.checkCounts()
}

// A worker that has a session but sent no doorbell is not retired as a spare.
func TestRestKnowsTheBoard(t *testing.T) {
	s := newTestMaster(t, func(c *settings) { c.SparesMin, c.SparesMax, c.MaxWorkers = 3, 3, 10 })
	s.populate()
	all := s.startSpares(3)
	s.afterEvent()
	s.plug.cfg.SparesMin, s.plug.cfg.SparesMax = 1, 1
	for _, a := range all {
		s.addSession(a, "10.0.0.1:1") // its doorbell is still due, within 5 ms
	}
	for range 3 * restAfter {
		s.tick(time.Now())
	}
	if s.plug.count[draining] != 0 {
		t.Errorf("%d were retired during their sessions", s.plug.count[draining])
	}
}

// In a pool, workers are listed for as long as they live, and send no doorbells
// for sessions.
func TestPool(t *testing.T) {
	s := newPoolMaster(t, 3, 16)
	all := s.startSpares(3)
	s.afterEvent()
	if s.phase != running || len(s.roster) != 3 {
		t.Fatalf("phase %d, %d workers", s.phase, len(s.roster))
	}
	for _, a := range all {
		if !a.listed {
			t.Error("a pool worker is not listed")
		}
	}
	s.ring(all[0], report.Begin)
	s.ring(all[0], report.End)
	if !all[0].listed {
		t.Error("END removed a pool worker from the list")
	}
	s.afterEvent()
	s.kill(all[1], unix.SIGKILL)
	s.afterEvent()
	if s.plug.count[starting] != 1 {
		t.Errorf("%d workers starting in its place", s.plug.count[starting])
	}
	// A draining worker is replaced at once.
	s.apply(all[2].child, toldDrain)
	s.afterEvent()
	if s.plug.count[starting] != 2 {
		t.Errorf("%d workers starting beside a draining one", s.plug.count[starting])
	}
}
