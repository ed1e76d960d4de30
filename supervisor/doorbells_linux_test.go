// Tests of doorbells: what the loop does for each kind, with garbage, and after
// doorbells were lost.

package supervisor

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// checkWorker checks a worker's state, and whether the pidfile lists it.
func (s *testMaster) checkWorker(when string, a *testWorker, state lifeState, listed bool) {
	s.t.Helper()
	if a.state != state {
		s.t.Errorf("%s: the worker is %s, want %s", when, a.state, state)
	}
	if a.listed != listed {
		s.t.Errorf("%s: the worker is listed: %v, want %v", when, a.listed, listed)
	}
}

// BEGIN and END change a worker's state and the pidfile's list. Doorbells that do not
// fit the state change nothing.
func TestBeginAndEnd(t *testing.T) {
	s, all := serving(t, nil)
	a := all[0]
	s.pidfile.dirty = false
	s.ring(a, report.Begin)
	s.checkWorker("after BEGIN", a, busy, true)
	checkEqual(t, "a change of the pidfile after BEGIN", s.pidfile.dirty, true)
	s.afterEvent()
	if s.plug.count[starting] != 1 {
		t.Errorf("%d workers starting for the spare that was taken", s.plug.count[starting])
	}
	s.pidfile.dirty = false
	s.ring(a, report.End)
	s.checkWorker("after END", a, spare, false)
	checkEqual(t, "a change of the pidfile after END", s.pidfile.dirty, true)
	s.pidfile.dirty = false
	s.ring(a, report.End) // does not fit the state
	s.ring(a, report.Ready)
	s.ring(a, report.Failed)
	s.ring(a, report.Leaving)
	s.checkWorker("after doorbells that do not fit", a, spare, false)
	checkEqual(t, "a change of the pidfile after doorbells that do not fit", s.pidfile.dirty, false)
	s.checkCounts()
}

// A worker may be busy before the loop knows that it was started, and before it is
// ready.
func TestBusyBeforeSpawned(t *testing.T) {
	s, _ := serving(t, func(c *settings) { c.Pidfile = t.TempDir() + "/plug.pid" })
	s.ring(&testWorker{child: s.roster[0], pid: s.roster[0].pid}, report.Begin)
	s.afterEvent()
	o := <-s.spawner.requests
	a := s.startSleeper(o)
	s.handleDoorbell(report.Record{Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 1})
	if a.state != busy || a.child.pid != 0 {
		t.Fatalf("%s, PID %d", a.state, a.child.pid)
	}
	now := time.Now().Add(time.Second)
	s.writePidfile(now)
	s.pidfileAnswered()
	s.plug.spawned(spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
	if s.writePidfile(now.Add(time.Second)); !s.pidfile.writing {
		t.Fatal("its PID is never written to the pidfile")
	}
	s.pidfileAnswered()
	text, _ := os.ReadFile(s.pidfile.file.Path())
	if want := lines(s.pid, s.roster[0].pid, a.pid); string(text) != want {
		t.Errorf("pidfile %q, want %q", text, want)
	}
}

// Doorbells from unknown workers, of other generations and of dead workers are
// ignored.
func TestUnknownDoorbells(t *testing.T) {
	s, all := serving(t, nil)
	a := all[0]
	for name, r := range map[string]report.Record{
		"another generation":      {Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 2},
		"generation 0":            {Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid)},
		"another PID":             {Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid + 1), Generation: 1},
		"a slot without a worker": {Kind: report.Begin, Slot: 5, PID: uint32(a.pid), Generation: 1},
		"no slot at all":          {Kind: report.Begin, Slot: 65535, PID: uint32(a.pid), Generation: 1},
	} {
		s.handleEvents(watch.Events{Bells: []report.Record{r}})
		if got := s.states(); !slices.Equal(got, []lifeState{spare, spare}) {
			t.Errorf("%s: roster %v", name, got)
		}
	}
	s.kill(a, unix.SIGKILL)
	s.ring(a, report.Begin)
	if a.state != gone {
		t.Errorf("the dead worker is %s", a.state)
	}
	s.handleEvents(watch.Events{Dead: []uint64{a.id, 99, 1 << 40}}) // repeated, and of unknown ids
	s.afterEvent()
	if a.state != gone || len(s.roster) != 2 {
		t.Errorf("%d on the roster", len(s.roster))
	}
}

func TestDeathInASession(t *testing.T) {
	s, all := serving(t, nil)
	a := all[0]
	s.ring(a, report.Begin)
	s.addSession(a, "10.0.0.1:4000")
	s.afterEvent()
	s.spawnNext()
	s.pidfile.dirty = false
	s.kill(a, unix.SIGKILL)
	s.checkWorker("after its death", a, gone, false)
	checkEqual(t, "a change of the pidfile after the death", s.pidfile.dirty, true)
	s.sessionLines(1)
	s.writePidfile(time.Now().Add(time.Second))
	s.afterEvent()
	if slices.Contains(s.roster, a.child) || s.children[a.id] != nil {
		t.Error("still on the roster")
	}
	if s.plug.totals.Ended[board.Killed] != 1 {
		t.Errorf("totals %v", s.plug.totals.Ended)
	}
}

// After doorbells were lost, the rows show which workers have sessions.
func TestReconcileBoard(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin, c.SparesMax = 3, 3 })
	lostBegin, lostEnd, idle := all[0], all[1], all[2]
	b := s.plug.generation.board
	for _, a := range all {
		b.Column(a.slot).PID.Store(uint32(a.pid))
	}
	s.addSession(lostBegin, "10.0.0.1:1")
	s.ring(lostEnd, report.Begin)
	s.handleEvents(watch.Events{})
	if lostBegin.state != spare {
		t.Error("the board was checked without a reason")
	}
	b.State.Attention.Store(1)
	s.handleEvents(watch.Events{})
	if b.State.Attention.Load() != 0 {
		t.Error("the flag is still set")
	}
	s.checkWorker("its BEGIN was lost", lostBegin, busy, true)
	s.checkWorker("its END was lost", lostEnd, spare, false)
	s.checkWorker("nothing was lost", idle, spare, false)
	s.checkCounts()
	// Garbage on the pipe triggers it, too.
	b.Row(lostBegin.slot, 0).End()
	b.Row(lostBegin.slot, 0).Free()
	s.handleEvents(watch.Events{Garbled: 5})
	s.checkWorker("after garbage", lostBegin, spare, false)
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("report pipe: skipped bytes that are not a doorbell bytes=5") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
}

// A worker whose READY was lost is found on the board; one that has not attached
// yet stays as it is.
func TestLostReady(t *testing.T) {
	s, _ := serving(t, nil)
	s.ring(&testWorker{child: s.roster[0], pid: s.roster[0].pid}, report.Begin)
	s.afterEvent()
	a := s.spawnNext()
	s.plug.generation.board.State.Attention.Store(1)
	s.handleEvents(watch.Events{})
	if a.state != starting {
		t.Errorf("%s before its PID is on the board", a.state)
	}
	s.plug.generation.board.Column(a.slot).PID.Store(uint32(a.pid))
	s.plug.generation.board.State.Attention.Store(1)
	s.handleEvents(watch.Events{})
	if a.state != spare {
		t.Errorf("%s although its PID is on the board", a.state)
	}
}

// A dead worker's doorbells are handled first: if it was ready, its death does not
// slow down the next start.
func TestReadyAndDeadAtOnce(t *testing.T) {
	s, _ := serving(t, func(c *settings) { c.SparesMin, c.SparesMax = 2, 4 })
	s.plug.cfg.SparesMin = 3
	s.populate()
	a := s.spawnNext()
	unix.Kill(a.pid, unix.SIGKILL)
	until(t, "the worker is dead", func() bool { return s.watcher.Status(a.pidfd).Known })
	a.dead = true
	s.handleEvents(watch.Events{Dead: []uint64{a.id}, Bells: []report.Record{{Kind: report.Ready, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 1}}})
	if a.state != gone || s.plug.spawning.trouble != 0 {
		t.Errorf("state %s, spawning pauses for %v", a.state, s.plug.spawning.trouble)
	}
}
