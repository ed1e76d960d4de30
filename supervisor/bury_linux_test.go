// Tests of burial: the lines and counts of a dead worker's sessions, at whatever
// point it died.

package supervisor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
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

// A worker dies with its row in each state: the totals are right, and every
// accepted session has exactly one line.
func TestSettleRows(t *testing.T) {
	for _, c := range []struct {
		name    string
		counted workerCounts
		left    lastRow
		ending  bool // INT
		want    map[board.Outcome]uint64
		in, out uint64
		line    string // "" for no line
		logs    []string
	}{
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
	} {
		t.Run(c.name, func(t *testing.T) {
			settleRowsOfOne(t, c.counted, c.left, c.ending, c.want, c.in, c.out, c.line, c.logs)
		})
	}
}

func settleRowsOfOne(t *testing.T, had workerCounts, last lastRow, ending bool, want map[board.Outcome]uint64, in, out uint64, line string, logs []string) {
	s := newTestMaster(t, func(cfg *settings) { cfg.Listeners[0].Port = 0 })
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
		t.Fatalf("slot %d, want %d", a.slot, slot)
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
	s.phase = running
	s.shutdown.ending = ending
	s.ring(a, 1)
	s.kill(a, unix.SIGKILL)
	for o := range board.Outcome(board.Outcomes) {
		if s.plug.totals.Ended[o] != want[o] {
			t.Errorf("%d %s, want %d", s.plug.totals.Ended[o], o, want[o])
		}
	}
	if s.plug.totals.BytesIn != in || s.plug.totals.BytesOut != out || s.plug.totals.Refused != had.refused {
		t.Errorf("%d bytes in, %d out, %d refused; want %d, %d, %d", s.plug.totals.BytesIn, s.plug.totals.BytesOut, s.plug.totals.Refused, in, out, had.refused)
	}
	if row.Word().State() != board.RowFree {
		t.Error("the row is not free")
	}
	if column.PID.Load() != 0 || column.Live.Load() != 0 || column.BytesIn.Load() != 0 || column.Ended[0].Load() != 0 {
		t.Error("the column is not cleared")
	}
	n := 0
	if line != "" {
		n = 1
	}
	for _, got := range s.sessionLines(n) {
		if want := fmt.Sprintf("plug[%d] 127.0.0.1:0 10.1.2.3 127.0.0.1:9", a.pid); !strings.Contains(got, want+line) {
			t.Errorf("line %q, want %q", got, want+line)
		}
	}
	s.syslog.Sink.Flush(patience)
	if got := s.syslogLines.all(); len(got) != len(logs) {
		t.Errorf("syslog %q, want %q", got, logs)
	} else {
		for i := range got {
			if got[i] != "(127.0.0.1 0): "+logs[i] {
				t.Errorf("syslog %q, want %q", got[i], logs[i])
			}
		}
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
	if ago := time.Since(at); err != nil || ago < 3598*time.Second || ago > 3660*time.Second {
		t.Errorf("line %q has a time %v ago (%v)", line, ago, err)
	}
	if !strings.HasSuffix(line, " 3600000000") {
		t.Errorf("line %q, want a duration of an hour", line)
	}
}
