// Tests of the commit of an upgrade in the new master: it adopts workers, copies
// the board between the gates, and keeps which losses were logged.

package supervisor

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/pidfile"
	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// readyToCommit returns a new master just before its commit: with two workers of its own
// behind its gate, and the received state of an old one with three, all real
// processes.
func readyToCommit(t *testing.T, targets int) (s *testMaster, own []*testWorker, e *received, workers []*testWorker) {
	t.Helper()
	path := t.TempDir() + "/plug.pid"
	s = newTestMaster(t, func(c *settings) {
		c.Sticky = true
		c.Targets = nil
		for i := range targets {
			at := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(1+i))
			c.Targets = append(c.Targets, config.Target{Addr: at, Port: at.Port()})
		}
	})
	s.populate()
	own = s.startSpares(2)
	s.phase, s.upgrades.takeover = adopting, &takeover{}
	s.cfg.Pidfile = path
	g, err := newGeneration(0, s.cfg, s.plug.cfg, 4, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	s.plug.generation.board.Assignment.AffinityKey = g.board.Assignment.AffinityKey
	g.board.State.Gate.Store(board.GateOpen)
	e = newReceived(s.master)
	if err := e.addGeneration(&handover.GenerationRecord{Plug: s.plug.name(), Number: 0}, dupFDs(t, g.assignment, g.state, g.report)); err != nil {
		t.Fatal(err)
	}
	e.generations[0].bell = g.bell // for the test to ring; an adopted generation has none
	t.Cleanup(func() { g.bell = -1 })
	for _, err := range []error{
		e.addState(&handover.PlugState{Plug: s.plug.name(), Totals: counters.Totals{BytesIn: 8}}),
		e.addLines(&handover.LineBatch{Plug: s.plug.name(), Lines: []string{"a line that waited\n"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	end := &handover.EndRecord{Plugs: 1, Generations: 1, Lines: 1}
	for i := range 3 {
		pid, pidfd := start(t, "sleep", "60")
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		r := handover.ChildRecord{ID: uint64(1 + i), Slot: i, PID: pid, Busy: i > 0, Listed: i > 0}
		if err := e.addChildren([]handover.ChildRecord{r}, []int{pair[0], pidfd}); err != nil {
			t.Fatal(err)
		}
		a := &testWorker{child: e.children[i], pid: pid, lifeline: pair[1]}
		workers = append(workers, a)
		s.workers[r.ID<<32] = a
		end.Children++
		end.Sum += r.Sum()
		column := g.board.Column(i)
		column.PID.Store(uint32(pid))
		if r.Busy {
			column.Rows.Store(1)
			g.board.Row(i, 0).Hold()
		}
	}
	old, err := pidfile.Claim(path, 4711)
	if err != nil {
		t.Fatal(err)
	}
	e.pidfile = dupFDs(t, old.FD())[0]
	old.Close()
	if err := e.verify(end); err != nil {
		t.Fatal(err)
	}
	return s, own, e, workers
}

// The commit makes a new master of what it has received: the adopted workers come
// first, drain, and are watched like its own; so is their pipe.
func TestCommit(t *testing.T) {
	s, own, e, workers := readyToCommit(t, 1)
	g := e.generations[0]
	s.commit(e)
	if s.phase != running || g.board.State.Gate.Load() != board.GateDraining || s.plug.generation.board.State.Gate.Load() != board.GateOpen {
		t.Errorf("phase %d, the old gate is %d, the new one %d", s.phase, g.board.State.Gate.Load(), s.plug.generation.board.State.Gate.Load())
	}
	want := lines(s.pid, workers[1].pid, workers[2].pid)
	if text, _ := os.ReadFile(s.cfg.Pidfile); string(text) != want {
		t.Errorf("after the commit the pidfile is %q, want %q", text, want)
	}
	s.ring(own[0], report.Begin)
	s.writePidfile(time.Now().Add(time.Minute))
	s.pidfileAnswered()
	if text, _ := os.ReadFile(s.cfg.Pidfile); string(text) != want+fmt.Sprintln(own[0].pid) {
		t.Errorf("pidfile %q, want %q and then %d", text, want, own[0].pid)
	}
	s.plug.sendDrains(len(s.plug.drainQueue))
	for i, a := range workers {
		if a.state != draining || !a.told(report.Drain) {
			t.Errorf("adopted worker %d is %s, and was not told", i, a.state)
		}
	}
	for i, a := range own {
		if !a.told(report.Gate) {
			t.Errorf("worker %d was not told of the gate", i)
		}
	}
	if s.plug.totals.BytesIn != 8 || !slices.Contains(s.starter.told, "master") {
		t.Errorf("totals %+v, the starter was told %q", s.plug.totals, s.starter.told)
	}
	if got := s.sessionLines(1); got[0] != "a line that waited" {
		t.Errorf("lines %q", got)
	}
	s.watcher.Start()
	await := func(what string, condition func() bool) {
		t.Helper()
		for end := time.After(patience); !condition(); {
			select {
			case events := <-s.watcher.Seen:
				s.handleEvents(events)
			case <-end:
				t.Fatalf("timed out waiting until %s", what)
			}
		}
	}
	g.board.Row(1, 0).Free()
	r := report.Record{Kind: report.End, Slot: 1, PID: uint32(workers[1].pid)}
	if _, err := unix.Write(g.bell, r.Append(nil)); err != nil {
		t.Fatal(err)
	}
	await("an adopted worker's doorbell is handled", func() bool { return !workers[1].listed })
	for _, a := range workers {
		unix.Kill(a.pid, unix.SIGKILL)
		a.dead = true
	}
	await("the adopted workers are buried", func() bool { return len(s.dead) == 3 })
	if lines := s.sessionLines(2); !strings.Contains(lines[1], fmt.Sprintf("plug[%d]", workers[2].pid)) {
		t.Errorf("lines %q", lines)
	}
	g.bell = -1
	s.writePidfile(time.Now().Add(time.Hour))
	s.pidfileAnswered()
	if s.reap(); len(s.plug.older) != 0 || len(s.roster) != 2 {
		t.Errorf("%d older generations, %d workers when the last adopted one is gone", len(s.plug.older), len(s.roster))
	}
}

// Between closing the old gate and opening the new one no worker accepts, and
// meanwhile the state is copied: the new workers know the old ones' last choices
// as soon as their gate is open. Many targets make the copying take long.
func TestCommitBetweenTheGates(t *testing.T) {
	for range 8 { // on a busy machine, the goroutines are not always scheduled in time
		t.Run("", commitBetweenTheGates)
	}
}

func commitBetweenTheGates(t *testing.T) {
	const now = 5_000_000
	s, _, e, _ := readyToCommit(t, board.TargetSlots)
	old, fresh := e.generations[0].board, s.plug.generation.board
	visitor := func(n uint32) *board.Addr {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], 10<<24|n)
		a := convert.From(netip.AddrPortFrom(netip.AddrFrom4(ip), 1))
		return &a
	}
	begun, chosen := make(chan bool), make(chan uint32)
	go func() { // an old worker
		n := uint32(0)
		for ; old.State.Gate.Load() == board.GateOpen; n++ {
			slot, _ := old.Choose(new(board.Tried), visitor(n%1000), now)
			old.TargetState(slot).Connects.Add(1)
			if n == 1000 {
				close(begun)
			}
		}
		chosen <- n
	}()
	next := make(chan uint64)
	go func() { // a new one
		for fresh.State.Gate.Load() != board.GateOpen {
		}
		next <- fresh.State.Rotation.Load()
	}()
	<-begun
	s.commit(e)
	last, rotation := <-chosen, <-next
	// An old worker may have read the gate before it closed, and chosen after
	// that.
	had := old.State.Rotation.Load()
	if rotation != had && rotation%board.TargetSlots+1 != had {
		t.Errorf("after %d sessions the rotation is at %d, the first new worker found %d", last, had, rotation)
	}
	was, is := uint64(0), uint64(0)
	for i := range board.TargetSlots {
		was += old.TargetState(i).Connects.Load()
		is += fresh.TargetState(i).Connects.Load()
	}
	if was > is+1 {
		t.Errorf("the old workers counted %d connects, the new ones know of %d", was, is)
	}
}

// The commit does not wake a worker that has a session: it is told to drain later,
// or at once when the plug stops.
func TestCommitDrainsBusyWorkersLater(t *testing.T) {
	for _, stops := range []bool{false, true} {
		s, _, e, workers := readyToCommit(t, 1)
		s.commit(e)
		if !workers[0].told(report.Drain) {
			t.Error("a spare of the old generation was not told at once")
		}
		for i, a := range workers[1:] {
			if a.state != draining || a.told(report.Drain) {
				t.Errorf("busy worker %d is %s, or was told at once", i, a.state)
			}
		}
		s.kill(workers[2], unix.SIGKILL)
		if stops {
			s.signal(unix.SIGTERM)
		} else {
			s.tick(time.Now())
		}
		if !workers[1].told(report.Drain) {
			t.Error("a busy worker was never told")
		}
		if s.plug.drainQueue != nil {
			t.Errorf("%d are yet to be told", len(s.plug.drainQueue))
		}
	}
}

// A new master needs no worker in place of one that continues its session.
func TestLongLivedSessionsNeedNoSpare(t *testing.T) {
	s, carrier, idle := withSession(t, nil)
	s.ring(idle, report.Begin)
	row := s.addSession(idle, "10.0.0.2:4000")
	s.afterEvent()
	s.tick(time.Now())
	s.plug.generation.board.Row(carrier.slot, 0).BeginAt -= int64(11 * time.Second)
	if n := s.plug.longLived(); n != 1 {
		t.Errorf("%d long-lived sessions, want the one of 11 s", n)
	}
	if n := s.plug.ready(); n != 1 {
		t.Errorf("a new master starts with %d workers, want 1 for the new session", n)
	}
	row.BeginAt -= int64(11 * time.Second)
	if n := s.plug.ready(); n != 0 {
		t.Errorf("a new master starts with %d workers for long-lived sessions", n)
	}
	s.plug.supply.peak, s.plug.supply.high = 0, 0 // the master was stopped, and has not sampled since
	if n := s.plug.ready(); n != 0 {
		t.Errorf("a new master starts with %d workers although the peak is 0", n)
	}
}

// If the old master's disk does not respond at the commit, its pidfile is used as
// soon as the disk responds.
func TestAdoptPidfileLate(t *testing.T) {
	m := newMaster(&config.Process{Pidfile: t.TempDir() + "/plug.pid"}, nil)
	m.pid = 4711
	log := new(logLines)
	m.syslog = &sink.Syslog{Sink: sink.New(0, log.add), FD: -1}
	m.log = sink.NewLogger(false, 0, false, io.Discard, m.syslog)
	back := make(chan struct{})
	m.adoptPidfile(func() (*pidfile.File, error) {
		<-back
		return pidfile.Claim(m.cfg.Pidfile, 1)
	})
	if m.pidfile.file != nil {
		t.Fatal("the pidfile is used before its disk responds")
	}
	until(t, "the log says so", func() bool { return log.has(m.cfg.Pidfile + ": the file system does not respond") })
	close(back)
	select {
	case call := <-m.calls:
		call()
	case <-time.After(patience):
		t.Fatal("the pidfile is never used")
	}
	m.writePidfile(time.Now().Add(time.Minute))
	m.pidfileWritten(<-m.pidfile.results)
	if text, _ := os.ReadFile(m.cfg.Pidfile); string(text) != "4711\n" {
		t.Errorf("the pidfile has %q", text)
	}
}

// A loss is logged once, not again by each new master. What the old master had not
// logged yet, the new one logs.
func TestCommitLogsLossesOnce(t *testing.T) {
	for _, c := range []struct {
		told handover.Lost
		want string // "" for nothing
	}{
		{handover.Lost{Lines: 5, Records: 7, Dropped: 9}, ""},
		{handover.Lost{Lines: 3, Records: 7, Dropped: 9}, "session lines lost"},
		{handover.Lost{Lines: 5, Records: 7, Dropped: 7}, "log lines lost"},
		{handover.Lost{Lines: 5, Records: 5, Dropped: 9}, "records lost records=2"},
	} {
		s, _, e, _ := readyToCommit(t, 1)
		state := e.plugs[s.plug]
		state.Totals.LinesLost, state.Totals.LogsLost, state.Totals.LogsDropped = 5, 4, 3
		e.end.Totals.LogsLost, e.end.Totals.LogsDropped = 3, 6 // the masters' own
		state.Told, e.end.Told = c.told.Lines, c.told
		s.commit(e)
		for range 2 {
			s.plug.tellLosses()
			s.tellLosses()
			s.runAsides()
		}
		s.syslog.Sink.Flush(patience)
		var got []string
		for _, line := range s.syslogLines.all() {
			if strings.Contains(line, "lost") {
				got = append(got, line)
			}
		}
		if len(got) > 1 || len(got) == 1 && (c.want == "" || !strings.Contains(got[0], c.want)) || len(got) == 0 && c.want != "" {
			t.Errorf("told %+v: logged %q", c.told, got)
		}
	}
}
