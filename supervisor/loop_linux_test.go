package supervisor

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/supervisor/config"
	"plugdaemon/worker/board"
	"plugdaemon/worker/report"
)

// states are those of the workers, in the order of the roster.
func (s *stage) states() (all []lifeState) {
	for _, c := range s.roster {
		all = append(all, c.state)
	}
	return all
}

func TestFirstWorkersOpenTheGate(t *testing.T) {
	s := newStage(t, nil)
	gate := &s.generation.board.Gate
	s.populate()
	s.populate() // nothing more is ordered for the same need
	if len(s.nursery.orders) != 2 || s.count[starting] != 2 {
		t.Fatalf("%d births ordered", len(s.nursery.orders))
	}
	first, second := s.hatch(), s.hatch()
	s.ring(first, report.Ready)
	s.settled()
	if s.phase != opening || gate.Load() != board.GateClosed || s.starter.ready != 0 {
		t.Errorf("phase %d, gate %d while one is not ready", s.phase, gate.Load())
	}
	s.ring(second, report.Ready)
	s.settled()
	if s.phase != running || gate.Load() != board.GateOpen || s.starter.ready != 1 {
		t.Errorf("phase %d, gate %d, starter told %d times", s.phase, gate.Load(), s.starter.ready)
	}
	if got := s.states(); !slices.Equal(got, []lifeState{spare, spare}) {
		t.Errorf("roster %v", got)
	}
	for _, a := range []*actor{first, second} {
		if got := a.orders(); got != string(rune(report.Gate)) {
			t.Errorf("orders %q", got)
		}
	}
	s.syslog.sink.flush(patience)
	if !s.said.has("(127.0.0.1 0): Plugdaemon started.") {
		t.Errorf("syslog %q", s.said.all())
	}
	if s.generation.board.Plenty.Load() != 1 {
		t.Error("spares are plenty, and the board does not say so")
	}
}

func TestBeginAndEnd(t *testing.T) {
	s, all := serving(t, nil)
	a := all[0]
	s.pidfile.dirty = false
	s.ring(a, report.Begin)
	if a.state != busy || !a.listed || !s.pidfile.dirty {
		t.Errorf("after BEGIN: %s, listed %v", a.state, a.listed)
	}
	s.settled()
	if s.count[starting] != 1 {
		t.Errorf("%d are born for the spare that was taken", s.count[starting])
	}
	s.pidfile.dirty = false
	s.ring(a, report.End)
	if a.state != spare || a.listed || !s.pidfile.dirty {
		t.Errorf("after END: %s, listed %v", a.state, a.listed)
	}
	s.pidfile.dirty = false
	s.ring(a, report.End) // gossip
	s.ring(a, report.Ready)
	s.ring(a, report.Failed)
	s.ring(a, report.Leaving)
	if a.state != spare || a.listed || s.pidfile.dirty {
		t.Errorf("after gossip: %s, listed %v", a.state, a.listed)
	}
	s.recount()
}

// A worker may be busy before its birth is known, and before it is ready.
func TestBusyBeforeItIsBorn(t *testing.T) {
	s, _ := serving(t, func(c *config.Config) { c.Pidfile = t.TempDir() + "/plug.pid" })
	s.ring(&actor{child: s.roster[0], pid: s.roster[0].pid}, report.Begin)
	s.settled()
	o := <-s.nursery.orders
	a := s.sleeper(o)
	s.heard(report.Record{Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 1})
	if a.state != busy || a.child.pid != 0 {
		t.Fatalf("%s, PID %d", a.state, a.child.pid)
	}
	now := time.Now().Add(time.Second)
	s.writePidfile(now)
	s.pidfileWritten(<-s.pidfile.results)
	s.born(birth{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
	if s.writePidfile(now.Add(time.Second)); !s.pidfile.writing {
		t.Fatal("its PID never gets into the pidfile")
	}
	s.pidfileWritten(<-s.pidfile.results)
	text, _ := os.ReadFile(s.pidfile.file.Path())
	if want := lines(s.pid, s.roster[0].pid, a.pid); string(text) != want {
		t.Errorf("pidfile %q, want %q", text, want)
	}
}

// Doorbells of strangers, of other generations and of the dead are ignored.
func TestStrangers(t *testing.T) {
	s, all := serving(t, nil)
	a := all[0]
	for name, r := range map[string]report.Record{
		"another generation": {Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 2},
		"generation 0":       {Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid)},
		"another PID":        {Kind: report.Begin, Slot: uint16(a.slot), PID: uint32(a.pid + 1), Generation: 1},
		"a slot of nobody":   {Kind: report.Begin, Slot: 5, PID: uint32(a.pid), Generation: 1},
		"no slot at all":     {Kind: report.Begin, Slot: 65535, PID: uint32(a.pid), Generation: 1},
	} {
		s.saw(sighting{bells: []report.Record{r}})
		if got := s.states(); !slices.Equal(got, []lifeState{spare, spare}) {
			t.Errorf("%s: roster %v", name, got)
		}
	}
	s.die(a, unix.SIGKILL)
	s.ring(a, report.Begin)
	if a.state != gone {
		t.Errorf("the dead worker is %s", a.state)
	}
	s.saw(sighting{dead: []uint64{a.id, 99, 1 << 40}}) // once more, and of nobody
	s.settled()
	if a.state != gone || len(s.roster) != 2 {
		t.Errorf("%d on the roster", len(s.roster))
	}
}

func TestDeathInASession(t *testing.T) {
	s, all := serving(t, nil)
	a := all[0]
	s.ring(a, report.Begin)
	s.carry(a, "10.0.0.1:4000")
	s.settled()
	s.hatch()
	s.pidfile.dirty = false
	s.die(a, unix.SIGKILL)
	if a.state != gone || a.listed || !s.pidfile.dirty {
		t.Errorf("%s, listed %v", a.state, a.listed)
	}
	s.sessionLines(1)
	s.writePidfile(time.Now().Add(time.Second))
	s.settled()
	if slices.Contains(s.roster, a.child) || s.children[a.id] != nil {
		t.Error("still on the roster")
	}
	if s.totals.ended[board.Killed] != 1 {
		t.Errorf("totals %v", s.totals.ended)
	}
}

// Doorbells were lost: the rows say who carries a session.
func TestLookAtBoard(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax = 3, 3 })
	lostBegin, lostEnd, idle := all[0], all[1], all[2]
	b := s.generation.board
	for _, a := range all {
		b.Column(a.slot).PID.Store(uint32(a.pid))
	}
	s.carry(lostBegin, "10.0.0.1:1")
	s.ring(lostEnd, report.Begin)
	s.saw(sighting{})
	if lostBegin.state != spare {
		t.Error("looked at the board without a reason")
	}
	b.Attention.Store(1)
	s.saw(sighting{})
	if b.Attention.Load() != 0 {
		t.Error("the flag is still up")
	}
	if lostBegin.state != busy || !lostBegin.listed || lostEnd.state != spare || lostEnd.listed || idle.state != spare {
		t.Errorf("%s, %s, %s", lostBegin.state, lostEnd.state, idle.state)
	}
	s.recount()
	// Garbage on the pipe is a reason, too.
	b.Row(lostBegin.slot, 0).End()
	b.Row(lostBegin.slot, 0).Free()
	s.saw(sighting{garbled: 5})
	if lostBegin.state != spare || lostBegin.listed {
		t.Errorf("after garbage: %s", lostBegin.state)
	}
	s.syslog.sink.flush(patience)
	if !s.said.has("report pipe: no doorbell bytes=5") {
		t.Errorf("syslog %q", s.said.all())
	}
}

// Whose READY was lost is found on the board; who is not there yet is left alone.
func TestLostReady(t *testing.T) {
	s, _ := serving(t, nil)
	s.ring(&actor{child: s.roster[0], pid: s.roster[0].pid}, report.Begin)
	s.settled()
	a := s.hatch()
	s.generation.board.Attention.Store(1)
	s.saw(sighting{})
	if a.state != starting {
		t.Errorf("%s before it reached the board", a.state)
	}
	s.generation.board.Column(a.slot).PID.Store(uint32(a.pid))
	s.generation.board.Attention.Store(1)
	s.saw(sighting{})
	if a.state != spare {
		t.Errorf("%s, though the board has it", a.state)
	}
}

// Clients wait while spares sleep: each look nudges another spare first, and
// one more than the look before.
func TestNudge(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.SparesMin, c.SparesMax = 4, 4 })
	for _, a := range all {
		a.orders()
	}
	nudged := func() (who []int) {
		s.nudge()
		for i, a := range all {
			if strings.Contains(a.orders(), string(rune(report.Nudge))) {
				who = append(who, i)
			}
		}
		return who
	}
	if who := nudged(); who != nil {
		t.Errorf("nudged %v without a client", who)
	}
	s.client()
	first, second := nudged(), nudged()
	if len(first) != 1 || len(second) != 2 || slices.Contains(second, first[0]) {
		t.Errorf("nudged %v, then %v", first, second)
	}
	seen := map[int]bool{}
	for range 4 {
		for _, i := range nudged() {
			seen[i] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("only %v were ever nudged", seen)
	}
	s.ring(all[0], report.Begin)
	for range 3 {
		if who := nudged(); slices.Contains(who, 0) {
			t.Error("a busy worker was nudged")
		}
	}
	s.paused = true
	if who := nudged(); who != nil {
		t.Errorf("nudged %v while paused", who)
	}
}

// A death may have taken a wake-up along.
func TestDeathNudges(t *testing.T) {
	s, all := serving(t, nil)
	all[1].orders()
	s.client()
	s.die(all[0], unix.SIGKILL)
	if got := all[1].orders(); !strings.Contains(got, string(rune(report.Nudge))) {
		t.Errorf("orders %q", got)
	}
}

func TestClientsWaitAtTheLimit(t *testing.T) {
	s, all := serving(t, func(c *config.Config) { c.MaxWorkers = 2 })
	for _, a := range all {
		s.ring(a, report.Begin)
	}
	s.client()
	for range 3 {
		s.settled()
	}
	s.syslog.sink.flush(patience)
	n := 0
	for _, line := range s.said.all() {
		if strings.Contains(line, "clients wait") && strings.Contains(line, "max-workers=2") {
			n++
		}
	}
	if n != 1 || len(s.roster) != 2 {
		t.Errorf("said %d times, %d workers: %q", n, len(s.roster), s.said.all())
	}
}

// With 0:N a plug sleeps without workers, and wakes for a client.
func TestPlugThatSleeps(t *testing.T) {
	s := newStage(t, func(c *config.Config) { c.SparesMin, c.SparesMax = 0, 3 })
	s.watcher.start()
	s.settled()
	if s.phase != running || len(s.roster) != 0 {
		t.Fatalf("phase %d, %d workers", s.phase, len(s.roster))
	}
	s.settled() // asks for the next client
	s.client()
	if seen := s.watcher.next(t); !seen.arrival {
		t.Fatalf("%+v", seen)
	}
	s.settled()
	if s.count[starting] != 1 {
		t.Errorf("%d are born for one client", s.count[starting])
	}
}

// Spares that nobody needs for a while are let go, the youngest first, and not
// beneath the number that is wanted.
func TestRest(t *testing.T) {
	s := newStage(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 6, 6, 10 })
	s.populate()
	all := s.spares(6)
	s.settled()
	s.cfg.SparesMin, s.cfg.SparesMax = 1, 2
	for range 2 * restAfter {
		s.tick(time.Now())
	}
	if s.count[draining] == 0 || s.count[draining] > 4 {
		t.Fatalf("%d were let go", s.count[draining])
	}
	for range 10 * restAfter {
		s.tick(time.Now())
	}
	if want := []lifeState{spare, spare, draining, draining, draining, draining}; !slices.Equal(s.states(), want) {
		t.Errorf("roster %v", s.states())
	}
	for i, a := range all {
		if told := strings.Contains(a.orders(), string(rune(report.Drain))); told != (i >= 2) {
			t.Errorf("worker %d told to go: %v", i, told)
		}
	}
	s.recount()
}

// Who carries sessions without a bell is no spare to be let go.
func TestRestKnowsTheBoard(t *testing.T) {
	s := newStage(t, func(c *config.Config) { c.SparesMin, c.SparesMax, c.MaxWorkers = 3, 3, 10 })
	s.populate()
	all := s.spares(3)
	s.settled()
	s.cfg.SparesMin, s.cfg.SparesMax = 1, 1
	for _, a := range all {
		s.carry(a, "10.0.0.1:1") // rings when 5 ms have passed
	}
	for range 3 * restAfter {
		s.tick(time.Now())
	}
	if s.count[draining] != 0 {
		t.Errorf("%d were let go in their sessions", s.count[draining])
	}
}

func TestTroubledNursery(t *testing.T) {
	s, all := serving(t, nil)
	s.ring(all[0], report.Begin)
	s.ring(all[1], report.Begin)
	s.settled()
	pause := time.Duration(0)
	for round := range 12 {
		if len(s.nursery.orders) == 0 {
			t.Fatalf("round %d: nothing was ordered", round)
		}
		for len(s.nursery.orders) > 0 {
			o := <-s.nursery.orders
			unix.Close(o.lifeline[1])
			s.born(birth{child: o.child, err: unix.EAGAIN})
		}
		if s.nursery.trouble <= pause && s.nursery.trouble != mostTrouble {
			t.Errorf("round %d: pause %v after %v", round, s.nursery.trouble, pause)
		}
		pause = s.nursery.trouble
		s.settled()
		if len(s.nursery.orders) != 0 {
			t.Fatalf("round %d: no pause", round)
		}
		s.nursery.until = time.Now()
		s.settled()
	}
	if pause != mostTrouble {
		t.Errorf("pause %v in the end", pause)
	}
	s.syslog.sink.flush(patience)
	n := 0
	for _, line := range s.said.all() {
		if strings.Contains(line, "fork") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("said %d times: %q", n, s.said.all())
	}
	a := s.hatch()
	s.ring(a, report.Ready)
	if s.nursery.trouble != 0 {
		t.Error("still troubled after a good birth")
	}
	s.settled()
}

// A worker that dies before it is ready slows births down.
func TestDeathBeforeReady(t *testing.T) {
	s, all := serving(t, nil)
	s.ring(all[0], report.Begin)
	s.settled()
	a := s.hatch()
	s.die(a, unix.SIGKILL)
	s.settled()
	if s.nursery.trouble != firstTrouble || len(s.nursery.orders) != 0 {
		t.Errorf("pause %v, %d ordered", s.nursery.trouble, len(s.nursery.orders))
	}
	s.syslog.sink.flush(patience)
	if !s.said.has("worker died before it was ready") || !s.said.has("killed by signal 9") {
		t.Errorf("syslog %q", s.said.all())
	}
}

// In a pool workers are listed for as long as they live, and ring no bells.
func TestPool(t *testing.T) {
	s := newStage(t, func(c *config.Config) {
		c.Mode, c.Workers, c.SparesMin, c.SparesMax, c.MaxWorkers = config.Pool, 3, 0, 0, 8
	})
	if s.generation.board.Assignment.Capacity == 1 {
		s.generation.close()
		g, err := newGeneration(1, s.cfg, 8, 16, 1)
		if err != nil {
			t.Fatal(err)
		}
		s.generation = g
	}
	s.populate()
	all := s.spares(3)
	s.settled()
	if s.phase != running || len(s.roster) != 3 {
		t.Fatalf("phase %d, %d workers", s.phase, len(s.roster))
	}
	for _, a := range all {
		if !a.listed {
			t.Error("a pool's worker is not listed")
		}
	}
	s.ring(all[0], report.Begin)
	s.ring(all[0], report.End)
	if !all[0].listed {
		t.Error("END unlists a pool's worker")
	}
	s.settled()
	s.die(all[1], unix.SIGKILL)
	s.settled()
	if s.count[starting] != 1 {
		t.Errorf("%d are born in its place", s.count[starting])
	}
	// A draining one has a successor at once.
	s.happen(all[2].child, toldDrain)
	s.settled()
	if s.count[starting] != 2 {
		t.Errorf("%d are born beside a draining one", s.count[starting])
	}
}

func TestNurseryAnswers(t *testing.T) {
	var n nursery
	var pair [2]int
	n.start(func(slot, capacity int, files []uintptr) (int, int, error) {
		if slot == 1 {
			return 0, -1, errors.New("no")
		}
		return 1000 + slot, 2000 + capacity, nil
	})
	g, err := newGeneration(1, &config.Config{}, 3, 7, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	for slot := range 3 {
		if err := socketpair(&pair); err != nil {
			t.Fatal(err)
		}
		c := &child{slot: slot, generation: g}
		n.orders <- order{child: c, lifeline: pair}
		b := <-n.births
		if b.child != c || (b.err != nil) != (slot == 1) || b.err == nil && (b.pid != 1000+slot || b.pidfd != 2007) {
			t.Errorf("slot %d: %+v", slot, b)
		}
		unix.SetNonblock(pair[0], true)
		if n, err := unix.Read(pair[0], make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("the worker's end of the lifeline is still open here: %d, %v", n, err)
		}
		unix.Close(pair[0])
	}
}

// What a worker inherits, in the order that it knows.
func TestFiles(t *testing.T) {
	s := newStage(t, nil)
	s.null, s.syslog.fd = 70, 71
	g := s.generation
	closed := ^uintptr(0)
	want := []uintptr{70, 70, 70, 72, uintptr(g.bell), uintptr(g.assignment), uintptr(g.state), uintptr(s.sessionFile.fd), 71, uintptr(s.listeners[0])}
	if got := s.files(g, 72); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.cfg.Foreground = true
	fd := s.sessionFile.fd
	s.sessionFile.fd = -1
	want[1], want[2], want[7] = 1, 2, closed
	if got := s.files(g, 72); !slices.Equal(got, want) {
		t.Errorf("in the foreground, without -S: %v, want %v", got, want)
	}
	s.sessionFile.fd = fd
}
