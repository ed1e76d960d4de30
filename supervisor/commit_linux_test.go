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
	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/address/convert"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// The commit makes a new master of what it has received: the adopted workers come
// first in the pidfile, and drain.
func TestCommit(t *testing.T) {
	s, own, e, adopted := readyToCommit(t, 1)
	s.commit(e)
	if s.phase != running {
		t.Errorf("phase %d, want running", s.phase)
	}
	if gate := e.generations[0].board.State.Gate.Load(); gate != board.GateDraining {
		t.Errorf("the old gate is %d, want draining", gate)
	}
	if gate := s.plug.generation.board.State.Gate.Load(); gate != board.GateOpen {
		t.Errorf("the new gate is %d, want open", gate)
	}
	s.checkPidfileAfterCommit(own[0], adopted)
	s.plug.sendDrains(len(s.plug.drainQueue))
	for i, a := range adopted {
		if a.state != draining {
			t.Errorf("adopted worker %d is %s, want draining", i, a.state)
		}
		if !a.told(report.Drain) {
			t.Errorf("adopted worker %d was not told to drain", i)
		}
	}
	for i, a := range own {
		if !a.told(report.Gate) {
			t.Errorf("worker %d was not told of the gate", i)
		}
	}
	if got := s.plug.totals.BytesIn; got != 8 {
		t.Errorf("%d bytes in the totals, the old master had 8", got)
	}
	if !slices.Contains(s.starter.told, "master") {
		t.Errorf("the starter was told %q, want the new master, too", s.starter.told)
	}
	if got := s.sessionLines(1); got[0] != "a line that waited" {
		t.Errorf("lines %q", got)
	}
}

// checkPidfileAfterCommit checks that the pidfile lists the adopted workers with
// sessions at once, and behind them one of the master's own that begins a session.
func (s *testMaster) checkPidfileAfterCommit(own *testWorker, adopted []*testWorker) {
	s.t.Helper()
	want := lines(s.pid, adopted[1].pid, adopted[2].pid)
	if text, _ := os.ReadFile(s.cfg.Pidfile); string(text) != want {
		s.t.Errorf("after the commit the pidfile is %q, want %q", text, want)
	}
	s.ring(own, report.Begin)
	s.writePidfile(time.Now().Add(time.Minute))
	s.pidfileAnswered()
	if text, _ := os.ReadFile(s.cfg.Pidfile); string(text) != want+lines(own.pid) {
		s.t.Errorf("pidfile %q, want %q and then %d", text, want, own.pid)
	}
}

// After the commit, adopted workers are watched like the master's own, and so is
// their report pipe. When the last of them is dead, their generation is retired.
func TestAdoptedWorkersAreWatched(t *testing.T) {
	s, _, e, adopted := readyToCommit(t, 1)
	g := e.generations[0]
	s.commit(e)
	s.plug.sendDrains(len(s.plug.drainQueue))
	s.sessionLines(1)
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
	r := report.Record{Kind: report.End, Slot: 1, PID: uint32(adopted[1].pid)}
	if _, err := unix.Write(g.bell, r.Append(nil)); err != nil {
		t.Fatal(err)
	}
	await("an adopted worker's doorbell is handled", func() bool { return !adopted[1].listed })
	for _, a := range adopted {
		unix.Kill(a.pid, unix.SIGKILL)
		a.dead = true
	}
	await("the adopted workers are buried", func() bool { return len(s.dead) == 3 })
	if lines := s.sessionLines(2); !strings.Contains(lines[1], fmt.Sprintf("plug[%d]", adopted[2].pid)) {
		t.Errorf("lines %q", lines)
	}
	g.bell = -1
	s.writePidfile(time.Now().Add(time.Hour))
	s.pidfileAnswered()
	s.reap()
	if n := len(s.plug.older); n != 0 {
		t.Errorf("%d older generations after the last adopted worker's death", n)
	}
	if n := len(s.roster); n != 2 {
		t.Errorf("%d workers after the last adopted worker's death, want 2", n)
	}
}

// Between closing the old gate and opening the new one no worker accepts, and
// meanwhile the state is copied: the new workers know the old ones' last choices
// as soon as their gate is open. Many targets make the copying slow.
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
		s, _, e, adopted := readyToCommit(t, 1)
		s.commit(e)
		if !adopted[0].told(report.Drain) {
			t.Error("a spare of the old generation was not told at once")
		}
		for i, a := range adopted[1:] {
			if a.state != draining {
				t.Errorf("busy worker %d is %s, want draining", i, a.state)
			}
			if a.told(report.Drain) {
				t.Errorf("busy worker %d was told at once", i)
			}
		}
		s.kill(adopted[2], unix.SIGKILL)
		if stops {
			s.signal(unix.SIGTERM)
		} else {
			s.tick(time.Now())
		}
		if !adopted[1].told(report.Drain) {
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
	responds := make(chan struct{})
	m.adoptPidfile(func() (*pidfile.File, error) {
		<-responds
		return pidfile.Claim(m.cfg.Pidfile, 1)
	})
	if m.pidfile.file != nil {
		t.Fatal("the pidfile is used before its disk responds")
	}
	until(t, "this is logged", func() bool { return log.has(m.cfg.Pidfile + ": the file system does not respond") })
	close(responds)
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
		got := slices.DeleteFunc(s.syslogged(), func(line string) bool { return !strings.Contains(line, "lost") })
		checkLine(t, fmt.Sprintf("after %+v were logged", c.told), got, c.want)
	}
}
