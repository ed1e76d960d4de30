// Tests of the old master's side of an upgrade: what it sends, signals that arrive
// meanwhile, and how it continues after a failure or without its disk.

package supervisor

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// handingOver returns a frozen master with one session and two spares that has
// sent all of its state to a new one.
func handingOver(t *testing.T, set func(*testMaster)) (s *testMaster, carrier, idle *testWorker, e *received) {
	t.Helper()
	s, carrier, idle = withSession(t, func(c *settings) { c.Pidfile = t.TempDir() + "/plug.pid" })
	s.startSpares(1)
	s.afterEvent()
	s.watcher.Start()
	if set != nil {
		set(s)
	}
	old, own := handoverPair(t)
	u := &upgrade{m: s.master, wire: old, over: make(chan struct{})}
	s.upgrades.current = u
	type result struct {
		e   *received
		err error
	}
	sent, got := make(chan error, 1), make(chan result, 1)
	go func() {
		_, _, err := old.Expect(handover.KindFreeze, patience)
		if err == nil {
			err = u.sendState()
		}
		sent <- err
	}()
	go func() {
		e, err := (&takeover{m: s.master, wire: own, offered: map[uint32]*plug{s.plug.id: s.plug}}).receive()
		got <- result{e, err}
	}()
	for {
		select {
		case call := <-s.calls:
			call()
			continue
		case err := <-sent:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatal("the state is not sent")
		}
		break
	}
	r := <-got
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() {
		closeReceived(r.e)
		if r.e.pidfile >= 0 {
			unix.Close(r.e.pidfile)
		}
	})
	return s, carrier, idle, r.e
}

// All of a master's state goes to the next one: workers, counts, unwritten lines,
// the lock, the pause.
func TestSendState(t *testing.T) {
	s, _, _, e := handingOver(t, func(s *testMaster) {
		s.plug.totals.BytesOut, s.plug.paused = 77, true
		s.plug.sessionFile.path = "/dev/full"
		if err := s.reopenNow(); err != nil {
			t.Skip("no /dev/full")
		}
		s.plug.sessionFile.write([]byte("one\n"))
		s.plug.sessionFile.write([]byte("two\n"))
	})
	state := e.plugs[s.plug]
	if !slices.Equal(state.lines, []string{"one\n", "two\n"}) {
		t.Errorf("lines %q", state.lines)
	}
	if sent, had := &state.Totals, &s.plug.totals; sent.BytesOut != had.BytesOut || sent.Spawns != had.Spawns {
		t.Errorf("%d bytes out, %d spawns; want %d, %d", sent.BytesOut, sent.Spawns, had.BytesOut, had.Spawns)
	}
	if !state.Paused {
		t.Error("the pause is lost")
	}
	if e.pidfile < 0 || !sameFile(e.pidfile, s.cfg.Pidfile) {
		t.Errorf("descriptor %d is not the pidfile", e.pidfile)
	}
	if len(e.children) != len(s.roster) || e.generations[0].number != s.plug.generation.number {
		t.Fatalf("%d workers of generation %d", len(e.children), e.generations[0].number)
	}
	for i, c := range e.children {
		if had := s.roster[i].record(); c.record() != had {
			t.Errorf("worker %d was received as %+v, want %+v", i, c.record(), had)
		}
	}
}

// State that has been sent no longer changes, because the new master would not learn
// of it: an admin's signals wait until it is decided which process is the master.
// Signals that end the plug do not wait.
func TestFrozenKeepsSignals(t *testing.T) {
	for _, fails := range []bool{true, false} {
		s, _, _, e := handingOver(t, nil)
		s.signal(unix.SIGTTIN)
		s.signal(unix.SIGUSR1)
		s.signal(unix.SIGTTOU)
		if s.plug.paused || e.plugs[s.plug].Paused {
			t.Fatalf("during the freeze: paused %v, in the new master %v", s.plug.paused, e.plugs[s.plug].Paused)
		}
		want := []os.Signal{unix.SIGUSR1, unix.SIGTTOU}
		if fails {
			s.upgradeEnded(s.upgrades.current, errors.New("the new program failed"))
			if !s.plug.paused {
				t.Error("the pause is lost with the upgrade")
			}
			continue
		}
		s.upgradeEnded(s.upgrades.current, nil)
		if s.plug.paused || !slices.Equal(s.upgrades.pendingSignals, want) {
			t.Errorf("paused %v, signals for the new master %v, want %v", s.plug.paused, s.upgrades.pendingSignals, want)
		}
	}
	s, _, _, _ := handingOver(t, nil)
	s.signal(unix.SIGTERM)
	if s.phase != stopping {
		t.Error("TERM does not end a frozen master")
	}
}

// A frozen master handles no spawn result, no death, no doorbell. When the upgrade
// has failed it handles them all, and opens the gate that the new one had closed.
func TestFailedUpgradeThaws(t *testing.T) {
	s, carrier, idle, _ := handingOver(t, nil)
	s.plug.generation.board.Row(carrier.slot, 0).Free()
	r := report.Record{Kind: report.End, Slot: uint16(carrier.slot), PID: uint32(carrier.pid), Generation: 1}
	if _, err := unix.Write(s.plug.generation.bell, r.Append(nil)); err != nil {
		t.Fatal(err)
	}
	unix.Kill(idle.pid, unix.SIGKILL)
	idle.dead = true
	s.plug.cfg.SparesMin = 5
	s.populate()
	select {
	case events := <-s.watcher.Seen:
		t.Errorf("events while the master is frozen: %+v", events)
	case o := <-s.spawner.requests:
		t.Errorf("worker %d is requested while the master is frozen", o.child.id)
	case <-time.After(50 * time.Millisecond):
	}
	s.plug.generation.board.State.Gate.Store(board.GateDraining)
	carrier.orders()
	s.upgradeEnded(s.upgrades.current, errors.New("the new program failed"))
	if gate := s.plug.generation.board.State.Gate.Load(); gate != board.GateOpen {
		t.Errorf("the gate is %d, want open", gate)
	}
	if !carrier.told(report.Gate) {
		t.Error("the worker was not told of the gate")
	}
	for end := time.After(patience); carrier.state != spare || idle.state != gone; {
		select {
		case events := <-s.watcher.Seen:
			s.handleEvents(events)
		case <-end:
			t.Fatalf("the worker whose session ended is %s, the dead one %s", carrier.state, idle.state)
		}
	}
	s.afterEvent()
	if s.plug.count[starting] == 0 {
		t.Error("no workers are starting")
	}
	if s.spawner.suspended.Load() {
		t.Error("spawning is still suspended")
	}
	s.syslog.Sink.Flush(patience)
	for _, want := range []string{"upgrade failed; nothing has changed", "the new program failed"} {
		if !s.syslogLines.has(want) {
			t.Errorf("syslog %q, want %q", s.syslogLines.all(), want)
		}
	}
	if s.upgrades.current != nil {
		t.Error("the upgrade is still in progress")
	}
}

// If the pidfile's disk does not respond, the freeze fails, and the old master
// stays the master.
func TestFreezeWithoutDisk(t *testing.T) {
	s, carrier, _ := withSession(t, func(c *settings) { c.Pidfile = t.TempDir() + "/plug.pid" })
	s.startSpares(1)
	s.afterEvent()
	s.watcher.Start()
	s.pidfile.writing = true // and the writer does not answer
	if err := s.freeze(); !errors.Is(err, errAway) || !strings.Contains(err.Error(), s.cfg.Pidfile) {
		t.Errorf("error %v", err)
	}
	s.thaw()
	s.pidfile.writing = false
	if s.upgrades.frozen || s.spawner.suspended.Load() {
		t.Errorf("frozen %v, spawning suspended %v", s.upgrades.frozen, s.spawner.suspended.Load())
	}
	if !s.pidfile.dirty {
		t.Error("the list that was not written is forgotten")
	}
	if carrier.state != busy {
		t.Errorf("the worker with a session is %s, want busy", carrier.state)
	}
}
