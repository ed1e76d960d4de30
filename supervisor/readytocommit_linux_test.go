// A new master just before the commit of an upgrade, with all that the old one has
// sent.

package supervisor

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/pidfile"
	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/board"
)

// readyToCommit returns a new master just before its commit, with so many targets:
// it has two workers of its own behind its gate, and the received state of an old
// master with three, all real processes. The first adopted worker is a spare.
func readyToCommit(t *testing.T, targets int) (s *testMaster, own []*testWorker, e *received, adopted []*testWorker) {
	t.Helper()
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
	s.cfg.Pidfile = t.TempDir() + "/plug.pid"
	e = newReceived(map[uint32]*plug{s.plug.id: s.plug})
	old := s.receiveGeneration(e)
	if err := e.addState(&handover.PlugState{Plug: s.plug.id, Totals: counters.Totals{BytesIn: 8}}); err != nil {
		t.Fatal(err)
	}
	if err := e.addLines(&handover.LineBatch{Plug: s.plug.id, Lines: []string{"a line that waited\n"}}); err != nil {
		t.Fatal(err)
	}
	end := &handover.EndRecord{Plugs: 1, Generations: 1, Lines: 1}
	for i := range 3 {
		adopted = append(adopted, s.receiveWorker(e, end, old.board, i))
	}
	s.receivePidfile(e)
	if err := e.verify(end); err != nil {
		t.Fatal(err)
	}
	return s, own, e, adopted
}

// receiveGeneration adds the old master's generation, whose gate is open, to the
// received state.
func (s *testMaster) receiveGeneration(e *received) *generation {
	s.t.Helper()
	g, err := newGeneration(0, s.cfg, s.plug.cfg, 4, 1, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(g.close)
	s.plug.generation.board.Assignment.AffinityKey = g.board.Assignment.AffinityKey
	g.board.State.Gate.Store(board.GateOpen)
	record := &handover.GenerationRecord{Plug: s.plug.id, Number: 0}
	if err := e.addGeneration(record, dupFDs(s.t, g.assignment, g.state, g.report)); err != nil {
		s.t.Fatal(err)
	}
	e.generations[0].bell = g.bell // for the test to ring; an adopted generation has none
	s.t.Cleanup(func() { g.bell = -1 })
	return g
}

// receiveWorker starts the old master's worker number i, and adds it to the received
// state and to the end record. All but the first have a session.
func (s *testMaster) receiveWorker(e *received, end *handover.EndRecord, b *board.Board, i int) *testWorker {
	s.t.Helper()
	pid, pidfd := start(s.t, "sleep", "60")
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	r := handover.ChildRecord{ID: uint64(1 + i), Slot: i, PID: pid, Busy: i > 0, Listed: i > 0}
	if err := e.addChildren([]handover.ChildRecord{r}, []int{pair[0], pidfd}); err != nil {
		s.t.Fatal(err)
	}
	end.Children++
	end.Sum += r.Sum()
	b.Column(i).PID.Store(uint32(pid))
	if r.Busy {
		b.Column(i).Rows.Store(1)
		b.Row(i, 0).Hold()
	}
	a := &testWorker{child: e.children[i], pid: pid, lifeline: pair[1]}
	s.workers[r.ID<<32] = a
	return a
}

// receivePidfile adds the old master's pidfile to the received state.
func (s *testMaster) receivePidfile(e *received) {
	s.t.Helper()
	old, err := pidfile.Claim(s.cfg.Pidfile, 4711)
	if err != nil {
		s.t.Fatal(err)
	}
	e.pidfile = dupFDs(s.t, old.FD())[0]
	old.Close()
}
