// Tests of what is counted: at burials, in metrics while sessions are settled, and
// for each target. No counter decreases.

package supervisor

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
)

// What a worker has tallied is counted while it lives and after it is buried, but
// only once; so are the session that it could not settle and its end.
func TestTotalsAtBurial(t *testing.T) {
	s, all := serving(t, nil)
	b := s.plug.generation.board
	tally := b.Tally(all[0].slot)
	for range 3 {
		tally.NoteSession(&board.Snapshot{BeginAt: 1, Closed: int64(2 * time.Second)})
		tally.Ends.Note(board.Complete, board.ByTarget)
		b.Column(all[0].slot).Ended[board.Complete].Add(1)
		b.Row(all[0].slot, 0).Free()
	}
	tally.BellOverflows.Add(1)
	tally.LinesRetried.Add(1)
	b.Column(all[0].slot).Redispatches.Add(2)
	b.Column(all[0].slot).Rows.Store(1)
	row := s.addSession(all[0], "10.1.0.1:1")
	row.In.Store(100)
	before := s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics
	s.kill(all[0], unix.SIGKILL)
	after := s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics
	count := func(h control.Histogram) (n uint64) {
		for _, k := range h.Counts {
			n += k
		}
		return n
	}
	for _, m := range []*control.Metrics{before, after} {
		checkEqual(t, "the number of complete sessions", m.Ended["complete"]["target"], 3)
		checkEqual(t, "the number of redispatches", m.Redispatches, 2)
		checkEqual(t, "the number of overflows of the pipe", m.BellOverflows, 1)
		checkEqual(t, "the number of retried lines", m.LinesRetried, 1)
		checkEqual(t, "the number of accepted clients", m.Accepted, 4)
		checkEqual(t, "the number of bytes in", m.BytesIn, 100)
	}
	checkEqual(t, "the number of durations before the death", count(before.Durations), 3)
	checkEqual(t, "the number of durations after the death", count(after.Durations), 4)
	checkEqual(t, "the number of killed sessions", after.Ended["killed"]["signal"], 1)
	checkEqual(t, "the number of killed workers", after.Deaths.Signals["9"], 1)
	checkEqual(t, "the number of live sessions before the death", before.Sessions, 1)
	checkEqual(t, "the number of live sessions after the death", after.Sessions, 0)
	if tally.Durations.Sum.Load() != 0 {
		t.Error("the next worker of the slot continues its tally")
	}
	checkEqual(t, "the number of spawns", before.Spawns, 2)
	if sum := before.Durations.Sum; sum < 5.9 || sum > 6 {
		t.Errorf("the durations are %v s in all, want 6", sum)
	}
}

// A session that is settled while metrics are read may be missed that time, but no
// counter decreases because of it, and it is not counted twice.
func TestMetricsNeverGoBack(t *testing.T) {
	s, all := serving(t, nil)
	b := s.plug.generation.board
	row := s.addSession(all[0], "10.1.0.1:1")
	row.In.Store(100)
	m := s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics
	if m.Accepted != 1 || m.BytesIn != 100 {
		t.Fatalf("%+v", m)
	}
	row.End() // from here on its worker may be counting it
	m = s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics
	if m.Accepted != 1 || m.BytesIn != 100 {
		t.Errorf("ending: %+v", m)
	}
	b.Column(all[0].slot).BytesIn.Add(100)
	m = s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics
	if m.Accepted != 1 || m.BytesIn != 100 {
		t.Errorf("half counted: %+v", m)
	}
	b.Tally(all[0].slot).Ends.Note(board.Complete, board.ByClient)
	b.Column(all[0].slot).Ended[board.Complete].Add(1)
	row.Free()
	m = s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics
	if m.Accepted != 1 || m.BytesIn != 100 || m.Ended["complete"]["client"] != 1 {
		t.Errorf("counted: %+v", m)
	}
}

// The bytes of a target are those of its ended and its live sessions. No number
// decreases while a session is settled, and those of a killed worker are included.
func TestTargetBytesNeverGoBack(t *testing.T) {
	s, all := serving(t, nil)
	b := s.plug.generation.board
	row := s.addSession(all[0], "10.1.0.1:1")
	row.Choose(0)
	row.In.Store(100)
	row.Out.Store(200)
	check := func(when string, sessions int) {
		t.Helper()
		for _, r := range []control.Reply{s.ask(control.Request{Verb: control.GetTargets}, nil), {Targets: s.ask(control.Request{Verb: control.GetMetrics}, nil).Metrics.Targets}} {
			if target := r.Targets[0]; target.In != 100 || target.Out != 200 || target.Sessions != sessions {
				t.Errorf("%s: %+v", when, target)
			}
		}
	}
	check("live", 1)
	row.End() // from here on its worker may be counting it
	check("ending", 0)
	row.Choose(0) // live again
	s.kill(all[0], unix.SIGKILL)
	check("its worker was killed", 0)
	if in := b.TargetTally(0).BytesIn.Load(); in != 100 {
		t.Errorf("%d bytes are counted", in)
	}
}

// The reply to a change of a target includes its sessions.
func TestSetTargetShowsSessions(t *testing.T) {
	s, all := serving(t, nil)
	s.addSession(all[0], "10.1.0.1:1").Choose(0)
	r := s.ask(control.Request{Verb: control.SetTarget, Target: "127.0.0.1:9", State: "draining"}, nil)
	if len(r.Targets) != 1 || r.Targets[0].Sessions != 1 || r.Targets[0].State != "draining" {
		t.Errorf("%+v", r)
	}
}
