// Tests of the verbs that read: what they answer about sessions, workers, targets
// and the plug.

package supervisor

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// Every answer names its plug, and a filter may name one.
func TestVerbsNameThePlug(t *testing.T) {
	s, all := serving(t, nil)
	s.addSession(all[0], "10.1.2.3:4444")
	s.ring(all[0], report.Begin)
	s.afterEvent()
	name := s.plug.cfg.Listeners[0].Label()
	of := func(plug string) control.Reply {
		return s.ask(control.Request{Verb: control.GetSessions, Filter: &control.Filter{Plug: plug}}, nil)
	}
	if name == "" {
		t.Fatal("the plug has no name")
	}
	if r := of(name); len(r.Sessions) != 1 || r.Sessions[0].Plug != name {
		t.Errorf("sessions of %q: %+v", name, r)
	}
	if r := of("other"); !strings.Contains(r.Error, `plug "other": no such plug; this master has "`+name) {
		t.Errorf("sessions of another plug: %+v", r)
	}
	if r := s.ask(control.Request{Verb: control.Kill, Filter: &control.Filter{Plug: "other"}}, nil); r.Error == "" || r.Done {
		t.Errorf("a kill in another plug: %+v", r)
	}
	if r := s.ask(control.Request{Verb: control.GetStatus}, nil); r.Status.Plug != name {
		t.Errorf("status of %q", r.Status.Plug)
	}
	if r := s.ask(control.Request{Verb: control.GetTargets}, nil); r.Targets[0].Plug != name {
		t.Errorf("a target of %q", r.Targets[0].Plug)
	}
	if r := s.ask(control.Request{Verb: control.GetWorkers}, nil); r.Workers[0].Plug != name {
		t.Errorf("a worker of %q", r.Workers[0].Plug)
	}
}

// reading returns a serving master with three spares, one of which begins a session
// from 10.1.2.3.
func reading(t *testing.T) (s *testMaster, carrier *testWorker) {
	t.Helper()
	s, all := serving(t, func(c *settings) { c.SparesMin = 3 })
	s.plug.generation.build = "3.9"
	carrier = all[1]
	row := s.addSession(carrier, "10.1.2.3:4444")
	row.In.Store(7)
	row.Connect.Store(row.BeginAt + int64(time.Millisecond))
	row.Cause.Store(uint32(board.MakeCause(board.Nobody, board.Relaying, 0)))
	s.ring(carrier, report.Begin)
	s.afterEvent()
	return s, carrier
}

func TestVerbsGetSessions(t *testing.T) {
	s, carrier := reading(t)
	sessions := s.ask(control.Request{Verb: control.GetSessions}, nil).Sessions
	if len(sessions) != 1 {
		t.Fatalf("%d sessions, want 1: %+v", len(sessions), sessions)
	}
	got := sessions[0]
	checkEqual(t, "the id", got.ID, fmt.Sprintf("1-%d-0", uint64(carrier.slot)*s.plug.generation.board.Tables.RowsEach))
	checkEqual(t, "the PID", got.PID, carrier.pid)
	checkEqual(t, "the client", got.Client, "10.1.2.3:4444")
	checkEqual(t, "the target", got.Target, "127.0.0.1:9")
	checkEqual(t, "bytes in", got.In, 7)
	checkEqual(t, "the state", got.State, "relaying")
	checkEqual(t, "the build", got.Build, "3.9")
	checkEqual(t, "the time to connect", got.Connect, 0.001)
	if got := s.ask(control.Request{Verb: control.GetSessions, Filter: &control.Filter{Client: "10.2.0.0/16"}}, nil).Sessions; len(got) != 0 {
		t.Errorf("sessions of another network: %+v", got)
	}
}

func TestVerbsGetStatus(t *testing.T) {
	s, _ := reading(t)
	st := s.ask(control.Request{Verb: control.GetStatus}, nil).Status
	checkEqual(t, "the phase", st.Phase, "running")
	checkEqual(t, "the PID", st.PID, os.Getpid())
	checkEqual(t, "the number of sessions", st.Sessions, 1)
	checkEqual(t, "the number of accepted clients", st.Accepted, 1)
	checkEqual(t, "the number of spares", st.Workers["spare"], 2)
	checkEqual(t, "the number of busy workers", st.Workers["busy"], 1)
	checkEqual(t, "the number of good targets", st.Targets["good"], 1)
	checkEqual(t, "the limit", st.Limit, 6)
}

func TestVerbsGetWorkers(t *testing.T) {
	s, carrier := reading(t)
	workers := s.ask(control.Request{Verb: control.GetWorkers}, nil).Workers
	if len(workers) != 4 && len(workers) != 3 { // a new spare may be starting
		t.Fatalf("%d workers, want 3 or 4: %+v", len(workers), workers)
	}
	got := workers[1]
	checkEqual(t, "the PID", got.PID, carrier.pid)
	checkEqual(t, "the state", got.State, "busy")
	checkEqual(t, "the number of sessions", got.Sessions, 1)
	checkEqual(t, "the generation", got.Generation, 1)
}

// A failed target is "failed" until it may be tried again, and then "failing" until a
// connection succeeds; the next generation knows both.
func TestVerbsGetTargets(t *testing.T) {
	s, _ := reading(t)
	targets := func() []control.Target { return s.ask(control.Request{Verb: control.GetTargets}, nil).Targets }
	all := targets()
	if len(all) != 1 {
		t.Fatalf("%d targets, want 1: %+v", len(all), all)
	}
	checkEqual(t, "the number of sessions", all[0].Sessions, 1)
	checkEqual(t, "the state", all[0].State, "good")
	b := s.plug.generation.board
	b.Fail(0, uint64(s.mono()/1e6))
	b.TargetState(0).Errno.Store(uint32(unix.ECONNREFUSED))
	got := targets()[0]
	checkEqual(t, "the state after a failure", got.State, "failed")
	checkEqual(t, "the number of failures", got.Failures, 1)
	checkEqual(t, "the last failure", got.LastFailure, "Connection refused")
	if got.FailedFor > 60 {
		t.Errorf("it has failed for %v s", got.FailedFor)
	}
	if ago := time.Since(got.LastFailureAt); ago > time.Minute {
		t.Errorf("the last failure was %v ago", ago)
	}
	b.TargetState(0).Failed.Store(0) // as when all have failed
	checkEqual(t, "the state when it is tried again", targets()[0].State, "failing")
	st := s.ask(control.Request{Verb: control.GetStatus}, nil).Status
	checkEqual(t, "the number of failing targets", st.Targets["failing"], 1)
	checkEqual(t, "the number of good targets", st.Targets["good"], 0)
	next, err := newGeneration(2, s.cfg, s.plug.cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	carryState(s.plug.generation, next, false)
	was, now := b.TargetState(0), next.board.TargetState(0)
	checkEqual(t, "Failing in the next generation", now.Failing.Load(), was.Failing.Load())
	checkEqual(t, "LastFailure in the next generation", now.LastFailure.Load(), was.LastFailure.Load())
}
