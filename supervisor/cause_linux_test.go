// Tests of who ended a session whose worker died, and of counts that such a worker
// had only half updated.

package supervisor

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/sink"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/board"
)

func TestCauseOf(t *testing.T) {
	killed := watch.Status{Known: true, Signal: unix.SIGKILL}
	for _, c := range []struct {
		name            string
		status          watch.Status
		ending, overdue bool
		want            board.Cause
	}{
		{"KILL", killed, false, false, board.MakeCause(board.BySignal, board.Relaying, 9)},
		{"TERM", watch.Status{Known: true, Signal: unix.SIGTERM}, false, false, board.MakeCause(board.BySignal, board.Relaying, 15)},
		{"a panic", watch.Status{Known: true, Exit: goPanics}, false, false, board.MakeCause(board.ByWorker, board.Relaying, 0)},
		{"an unknown status", watch.Status{}, false, false, board.MakeCause(board.ByWorker, board.Relaying, 0)},
		{"INT", watch.Status{Known: true, Signal: unix.SIGTERM}, true, false, board.MakeCause(board.ByAdmin, board.Relaying, 0)},
		{"INT, with force", killed, true, false, board.MakeCause(board.ByAdmin, board.Relaying, 0)},
		{"QUIT's time", killed, true, true, board.MakeCause(board.ByMaster, board.Relaying, 0)},
	} {
		p := &plug{m: &master{shutdown: shutdown{ending: c.ending, overdue: c.overdue}}}
		if got := p.causeOf(&child{status: c.status}, board.Relaying); got != c.want {
			t.Errorf("%s: %s, %s; want %s", c.name, got.Code(), got, c.want.Code())
		}
	}
}

// At whatever point a worker dies, each of its sessions is counted once by who
// ended it.
func TestSettleCauses(t *testing.T) {
	cut := board.MakeCause(board.ByClient, board.Relaying, 0)
	for _, c := range []struct {
		name            string
		causes, ended   uint64 // what it had counted, of sessions that clients ended
		freed           uint64
		left            board.RowState
		clients, killed uint64
	}{
		{name: "without a session", causes: 3, ended: 3, freed: 3, clients: 3},
		{name: "in a session", causes: 3, ended: 3, freed: 3, left: board.RowLive, clients: 3, killed: 1},
		{name: "before it counted the session", causes: 3, ended: 3, freed: 3, left: board.RowEnding, clients: 4},
		{name: "between the two counts", causes: 4, ended: 3, freed: 3, left: board.RowEnding, clients: 4},
		{name: "after both", causes: 4, ended: 4, freed: 3, left: board.RowEnding, clients: 4},
	} {
		s, all := serving(t, nil)
		a, b := all[0], s.plug.generation.board
		row := b.Row(a.slot, 0)
		for range c.freed {
			row.Free()
		}
		b.Column(a.slot).Rows.Store(1)
		b.Column(a.slot).Ended[board.Cut].Store(c.ended)
		b.Tally(a.slot).Ends[board.Cut][board.ByClient].Store(c.causes)
		if c.left != board.RowFree {
			s.addSession(a, "10.1.2.3:40112")
			row.Cause.Store(uint32(board.MakeCause(board.Nobody, board.Relaying, 0)))
		}
		if c.left == board.RowEnding {
			row.Outcome.Store(uint32(board.Cut))
			row.Cause.Store(uint32(cut))
			row.End()
		}
		s.kill(a, unix.SIGKILL)
		clients, killed := s.plug.totals.Ends[board.Cut][board.ByClient], s.plug.totals.Ends[board.Killed][board.BySignal]
		if clients != c.clients {
			t.Errorf("killed %s: %d ended by clients, want %d", c.name, clients, c.clients)
		}
		if killed != c.killed {
			t.Errorf("killed %s: %d ended by signals, want %d", c.name, killed, c.killed)
		}
		for outcome, want := range s.plug.totals.Ended {
			sum := uint64(0)
			for _, n := range s.plug.totals.Ends[outcome] {
				sum += n
			}
			if sum != want {
				t.Errorf("killed %s: outcome %d has %d sessions by cause, %d in all", c.name, outcome, sum, want)
			}
		}
		if b.Tally(a.slot).Ends.By(board.ByClient) != 0 {
			t.Errorf("killed %s: its count is still there", c.name)
		}
	}
}

// The log line of a killed worker's session is the same as the worker's own would
// be.
func TestLogOfAKilledSession(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*settings)
		at   uint32
		json bool
		want string
	}{
		{"silent", nil, 0, false, ""},
		{"at -d", nil, 1, false, `[DEBUG] plug: session ended: client=10.1.2.3:40112 target=127.0.0.1:9 outcome=killed status=4 cause="signal 9" code=SN state=negotiating in=7 out=9 `},
		{"in JSON", func(c *settings) { c.LogFormat = "json" }, 2, true, `"cause":"signal 9","client":"10.1.2.3:40112","code":"SN","duration_ms":`},
		{"in JSON with -l", func(c *settings) { c.LogFormat, c.Foreground = "json", true }, 0, true, `{"@level":"info","@message":"session ended",`},
	} {
		s, all := serving(t, c.set)
		got := new(logLines)
		s.stderr = sink.New(0, got.add)
		s.plug.generation.board.State.LogAt.Store(c.at)
		row := s.addSession(all[0], "10.1.2.3:40112")
		row.In.Store(7)
		row.Out.Store(9)
		row.Cause.Store(uint32(board.MakeCause(board.Nobody, board.Negotiating, 0)))
		s.kill(all[0], unix.SIGKILL)
		s.stderr.Flush(patience)
		lines := got.all()
		checkLine(t, c.name, lines, c.want)
		if c.json && !json.Valid([]byte(strings.Join(lines, ""))) {
			t.Errorf("%s: not JSON: %q", c.name, lines)
		}
	}
}

// An upgrade hands the totals over, also to and from a version without causes.
func TestTotalsTravel(t *testing.T) {
	var had, has counters.Totals
	had.Ends[board.Killed][board.BySignal], had.Ends[board.Denied][board.ByError] = 3, 4
	text, err := json.Marshal(had)
	if err == nil {
		err = json.Unmarshal(text, &has)
	}
	if err != nil || has != had {
		t.Errorf("%+v was decoded as %+v: %v", had, has, err)
	}
	if err := json.Unmarshal([]byte(`{"ended":[1,2]}`), &has); err != nil {
		t.Error(err)
	}
}
