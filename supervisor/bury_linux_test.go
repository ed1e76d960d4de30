// Tests of burial: the lines and counts of a dead worker's sessions, at whatever
// point it died.

package supervisor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// workerCounts is what a worker had counted when it died.
type workerCounts struct {
	ended    map[board.Outcome]uint64
	in, out  uint64
	refused  uint64
	earlier  uint64 // sessions that the row had carried before this worker
	sessions uint64 // sessions that this worker has freed
}

// lastRow is the state in which a worker left its row.
type lastRow struct {
	state   board.RowState
	outcome board.Outcome
	in, out uint64
}

// A burial is a worker's death with its row in some state, and what the master must
// make of it.
type burial struct {
	name    string
	counted workerCounts
	left    lastRow
	ending  bool // INT
	want    map[board.Outcome]uint64
	in, out uint64
	line    string // "" for no line
	logs    []string
}

var burials = []burial{
	{name: "a spare that had none"},
	{name: "a spare", counted: workerCounts{ended: map[board.Outcome]uint64{board.Complete: 5, board.Cut: 2}, in: 70, out: 80, refused: 3, sessions: 7},
		want: map[board.Outcome]uint64{board.Complete: 5, board.Cut: 2}, in: 70, out: 80},
	{name: "a spare in a used slot", counted: workerCounts{ended: map[board.Outcome]uint64{board.Complete: 1}, earlier: 40, sessions: 1},
		want: map[board.Outcome]uint64{board.Complete: 1}},
	{name: "killed in a session", left: lastRow{state: board.RowLive, in: 7, out: 9},
		want: map[board.Outcome]uint64{board.Killed: 1}, in: 7, out: 9, line: " 7 9 ",
		logs: []string{"Complete, status=4.", "session from 10.1.2.3: killed by signal 9"}},
	{name: "killed in a later session", counted: workerCounts{ended: map[board.Outcome]uint64{board.Complete: 3}, in: 100, out: 200, earlier: 9, sessions: 3},
		left: lastRow{state: board.RowLive, in: 7, out: 9},
		want: map[board.Outcome]uint64{board.Complete: 3, board.Killed: 1}, in: 107, out: 209, line: " 7 9 ",
		logs: []string{"Complete, status=4.", "session from 10.1.2.3: killed by signal 9"}},
	{name: "ended by an admin's INT", left: lastRow{state: board.RowLive, in: 1, out: 2}, ending: true,
		want: map[board.Outcome]uint64{board.AdminEnded: 1}, in: 1, out: 2, line: " 1 2 ",
		logs: []string{"Complete, status=4."}},
	{name: "killed before it counted the ended session", counted: workerCounts{ended: map[board.Outcome]uint64{board.Complete: 3}, earlier: 5, sessions: 3},
		left: lastRow{state: board.RowEnding, outcome: board.Cut, in: 7, out: 9},
		want: map[board.Outcome]uint64{board.Complete: 3, board.Cut: 1}, in: 7, out: 9, line: " 7 9 ",
		logs: []string{"Complete, status=3."}},
	{name: "killed between counting and freeing", counted: workerCounts{ended: map[board.Outcome]uint64{board.Complete: 3, board.Cut: 1}, in: 7, out: 9, earlier: 5, sessions: 3},
		left: lastRow{state: board.RowEnding, outcome: board.Cut, in: 7, out: 9},
		want: map[board.Outcome]uint64{board.Complete: 3, board.Cut: 1}, in: 7, out: 9, line: " 7 9 ",
		logs: []string{"Complete, status=3."}},
	{name: "killed at its first, between counting and freeing", counted: workerCounts{ended: map[board.Outcome]uint64{board.Complete: 1}, in: 7, out: 9},
		left: lastRow{state: board.RowEnding, outcome: board.Complete, in: 7, out: 9},
		want: map[board.Outcome]uint64{board.Complete: 1}, in: 7, out: 9, line: " 7 9 ",
		logs: []string{"Complete."}},
	{name: "an unknown outcome", left: lastRow{state: board.RowEnding, outcome: 99},
		want: map[board.Outcome]uint64{board.Outcomes - 1: 1}, line: " 0 0 ", logs: []string{"Complete, status=4."}},
}

// A worker dies with its row in each state: the totals are right, and every
// accepted session has exactly one line.
func TestSettleRows(t *testing.T) {
	for _, c := range burials {
		t.Run(c.name, c.run)
	}
}

func (c burial) run(t *testing.T) {
	s := newTestMaster(t, func(cfg *settings) { cfg.Listeners[0].Port = 0 })
	a := s.spawnInto(c.counted, c.left)
	s.phase = running
	s.shutdown.ending = c.ending
	s.ring(a, report.Ready)
	s.kill(a, unix.SIGKILL)
	c.checkTotals(t, s.plug)
	checkCleared(t, s.plug.generation.board, a.slot)
	c.checkLines(t, s, a.pid)
}

// spawnInto starts a worker in the next free slot, and puts on the board what it has
// counted and its last row.
func (s *testMaster) spawnInto(had workerCounts, last lastRow) *testWorker {
	s.t.Helper()
	g := s.plug.generation
	slot := g.free[len(g.free)-1]
	row, column := g.board.Row(slot, 0), g.board.Column(slot)
	if had.earlier+had.sessions > 0 || last.state != board.RowFree {
		column.Rows.Store(1)
	}
	for range had.earlier {
		row.Free()
	}
	s.populate()
	a := s.spawnNext()
	if a.slot != slot {
		s.t.Fatalf("slot %d, want %d", a.slot, slot)
	}
	column.PID.Store(uint32(a.pid))
	for outcome, n := range had.ended {
		column.Ended[outcome].Store(n)
	}
	column.BytesIn.Store(had.in)
	column.BytesOut.Store(had.out)
	column.Refused.Store(had.refused)
	for range had.sessions {
		row.Free()
	}
	if last.state != board.RowFree {
		s.addSession(a, "10.1.2.3:40112")
		row.In.Store(last.in)
		row.Out.Store(last.out)
		if last.state == board.RowEnding {
			row.Closed.Store(s.mono())
			row.Outcome.Store(uint32(last.outcome))
			row.End()
		}
	}
	return a
}

func (c burial) checkTotals(t *testing.T, p *plug) {
	t.Helper()
	for o := range board.Outcome(board.Outcomes) {
		if got := p.totals.Ended[o]; got != c.want[o] {
			t.Errorf("%d %s, want %d", got, o, c.want[o])
		}
	}
	if in, out := p.totals.BytesIn, p.totals.BytesOut; in != c.in || out != c.out {
		t.Errorf("%d bytes in, %d out; want %d, %d", in, out, c.in, c.out)
	}
	if got := p.totals.Refused; got != c.counted.refused {
		t.Errorf("%d clients refused, want %d", got, c.counted.refused)
	}
}

// checkCleared checks that a slot's row and column are ready for the next worker.
func checkCleared(t *testing.T, b *board.Board, slot int) {
	t.Helper()
	if state := b.Row(slot, 0).Word().State(); state != board.RowFree {
		t.Errorf("the row's state is %d, want free", state)
	}
	column := b.Column(slot)
	for name, got := range map[string]uint64{"PID": uint64(column.PID.Load()), "sessions": uint64(column.Live.Load()),
		"bytes in": column.BytesIn.Load(), "complete sessions": column.Ended[0].Load()} {
		if got != 0 {
			t.Errorf("the column still has %d as %s", got, name)
		}
	}
}

func (c burial) checkLines(t *testing.T, s *testMaster, pid int) {
	t.Helper()
	n := 0
	if c.line != "" {
		n = 1
	}
	want := fmt.Sprintf("plug[%d] 127.0.0.1:0 10.1.2.3 127.0.0.1:9", pid) + c.line
	for _, got := range s.sessionLines(n) {
		if !strings.Contains(got, want) {
			t.Errorf("line %q, want %q", got, want)
		}
	}
	logs := []string{}
	for _, text := range c.logs {
		logs = append(logs, "(127.0.0.1 0): "+text)
	}
	if got := s.syslogged(); !slices.Equal(got, logs) {
		t.Errorf("syslog %q, want %q", got, logs)
	}
}

// A session that had not chosen a target has a line without one; with -h, the line
// has the proxy's address.
func TestLinesTarget(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*settings)
		want string
		none bool
	}{
		{"no target yet", nil, " - ", true},
		{"through a proxy", func(c *settings) { c.Via = netip.MustParseAddrPort("192.0.2.80:3128") }, " 192.0.2.80:3128 ", false},
	} {
		s, all := serving(t, c.set)
		row := s.addSession(all[0], "[2001:db8::5]:1")
		if c.none {
			row.Hold()
		}
		s.kill(all[0], unix.SIGKILL)
		if line := s.sessionLines(1)[0]; !strings.Contains(line, " 2001:db8::5"+c.want) {
			t.Errorf("%s: line %q", c.name, line)
		}
	}
}

// The line of a session that ended before its worker died has the time of the
// session's end.
func TestLinesTime(t *testing.T) {
	s, all := serving(t, nil)
	row := s.addSession(all[0], "10.0.0.1:1")
	now := s.mono()
	row.BeginAt = now - 7200e9
	row.Closed.Store(now - 3600e9)
	row.End()
	s.kill(all[0], unix.SIGKILL)
	line := s.sessionLines(1)[0]
	stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "["), "]")
	at, err := time.ParseInLocation(time.DateTime, stamp, time.Local)
	if err != nil {
		t.Fatalf("line %q: %v", line, err)
	}
	if ago := time.Since(at); ago < 3598*time.Second || ago > 3660*time.Second {
		t.Errorf("line %q has a time %v ago, want an hour", line, ago)
	}
	if !strings.HasSuffix(line, " 3600000000") {
		t.Errorf("line %q, want a duration of an hour", line)
	}
}
