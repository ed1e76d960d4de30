// Tests of the verbs of the control socket: what they answer, change and refuse,
// also between two masters.

package supervisor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// ask sends a request and combines all replies; the test plays the loop. It calls
// between after each call that the loop would make.
func (s *testMaster) ask(req control.Request, between func()) (r control.Reply) {
	s.t.Helper()
	done := make(chan control.Reply)
	go func() {
		var all control.Reply
		last := s.answer(&req, func(part control.Reply) error {
			all.Sessions, all.Targets = append(all.Sessions, part.Sessions...), append(all.Targets, part.Targets...)
			all.Workers = append(all.Workers, part.Workers...)
			return nil
		})
		last.Sessions, last.Targets = append(all.Sessions, last.Sessions...), append(all.Targets, last.Targets...)
		last.Workers = append(all.Workers, last.Workers...)
		done <- last
	}()
	calls := s.calls
	select {
	case <-s.master.over:
		calls = nil
	default:
	}
	for {
		select {
		case call := <-calls:
			call()
			if between != nil {
				between()
			}
		case r = <-done:
			return r
		case <-time.After(patience):
			s.t.Fatalf("no reply to %s", req.Verb)
		}
	}
}

func TestVerbsRefuse(t *testing.T) {
	s, _ := serving(t, nil)
	for _, c := range []struct {
		req    control.Request
		reason string
	}{
		{control.Request{Verb: "unknown"}, `verb "unknown"`},
		{control.Request{}, `verb ""`},
		{control.Request{Verb: control.Kill}, "set all to end all"},
		{control.Request{Verb: control.Kill, Filter: &control.Filter{}}, "set all to end all"},
		{control.Request{Verb: control.Kill, Filter: &control.Filter{Client: "x"}}, `client "x"`},
		{control.Request{Verb: control.GetSessions, Filter: &control.Filter{State: "x"}}, `state "x"`},
		{control.Request{Verb: control.SetTarget, Target: "127.0.0.1:9"}, "must be enabled, draining or disabled"},
		{control.Request{Verb: control.SetTarget, Target: "127.0.0.1:8", State: "disabled"}, "such as 127.0.0.1:9"},
		{control.Request{Verb: control.SetAccept, State: "x"}, "must be open or paused"},
		{control.Request{Verb: control.SetLogLevel, Level: 3}, "must be 0, 1 or 2"},
		{control.Request{Verb: control.SetLogLevel, Level: -1}, "must be 0, 1 or 2"},
	} {
		if r := s.ask(c.req, nil); !strings.Contains(r.Error, c.reason) || r.Again {
			t.Errorf("%+v: %+v, want %q", c.req, r, c.reason)
		}
	}
}

// During a handover nothing is reported or changed: the client has to ask again.
// The same applies when the new master has taken over. When the plug has stopped,
// the client is told so.
func TestVerbsBetweenMasters(t *testing.T) {
	s, _ := serving(t, nil)
	all := []control.Request{{Verb: control.GetStatus}, {Verb: control.GetMetrics}, {Verb: control.GetSessions},
		{Verb: control.Kill, Filter: &control.Filter{All: true}}, {Verb: control.SetTarget, Target: "127.0.0.1:9", State: "disabled"},
		{Verb: control.SetAccept, State: "paused"}, {Verb: control.Reload}, {Verb: control.Stop}, {Verb: control.Upgrade}, {Verb: control.SetLogLevel}}
	s.upgrades.frozen = true
	for _, req := range all {
		if r := s.ask(req, nil); !r.Again || r.Error == "" {
			t.Errorf("frozen: %s: %+v", req.Verb, r)
		}
	}
	if s.phase != running || s.plug.paused || s.plug.generation.board.TargetState(0).Admin.Load() != board.Enabled || s.master.totals.Requests != 0 {
		t.Error("a request changed something")
	}
	s.upgrades.frozen = false
	close(s.master.over)
	for _, req := range all {
		if r := s.ask(req, nil); r.Again || r.Error != "the plug has stopped" {
			t.Errorf("stopped: %s: %+v", req.Verb, r)
		}
	}
	s.upgrades.replacedBy = 4711
	for _, req := range all {
		if r := s.ask(req, nil); !r.Again {
			t.Errorf("replaced: %s: %+v", req.Verb, r)
		}
	}
}

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
	if r := of(name); len(r.Sessions) != 1 || r.Sessions[0].Plug != name || name == "" {
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

func TestVerbsRead(t *testing.T) {
	s, all := serving(t, func(c *settings) { c.SparesMin = 3 })
	s.plug.generation.build = "3.9"
	row := s.addSession(all[1], "10.1.2.3:4444")
	row.In.Store(7)
	row.Connect.Store(row.BeginAt + int64(time.Millisecond))
	row.Cause.Store(uint32(board.MakeCause(board.Nobody, board.Relaying, 0)))
	s.ring(all[1], report.Begin)
	s.afterEvent()
	sessions := s.ask(control.Request{Verb: control.GetSessions}, nil).Sessions
	index := uint64(all[1].slot) * s.plug.generation.board.Tables.RowsEach
	if len(sessions) != 1 || sessions[0].ID != fmt.Sprintf("1-%d-0", index) || sessions[0].PID != all[1].pid || sessions[0].Client != "10.1.2.3:4444" ||
		sessions[0].Target != "127.0.0.1:9" || sessions[0].In != 7 || sessions[0].State != "relaying" || sessions[0].Build != "3.9" || sessions[0].Connect != 0.001 {
		t.Errorf("%+v", sessions)
	}
	if got := s.ask(control.Request{Verb: control.GetSessions, Filter: &control.Filter{Client: "10.2.0.0/16"}}, nil).Sessions; len(got) != 0 {
		t.Errorf("%+v", got)
	}
	st := s.ask(control.Request{Verb: control.GetStatus}, nil).Status
	if st.Phase != "running" || st.PID != os.Getpid() || st.Sessions != 1 || st.Accepted != 1 || st.Workers["spare"] != 2 || st.Workers["busy"] != 1 || st.Targets["good"] != 1 || st.Limit != 6 {
		t.Errorf("%+v", st)
	}
	workers := s.ask(control.Request{Verb: control.GetWorkers}, nil).Workers
	if len(workers) != 4 && len(workers) != 3 || workers[1].PID != all[1].pid || workers[1].State != "busy" || workers[1].Sessions != 1 || workers[1].Generation != 1 {
		t.Errorf("%+v", workers)
	}
	targets := s.ask(control.Request{Verb: control.GetTargets}, nil).Targets
	if len(targets) != 1 || targets[0].Sessions != 1 || targets[0].State != "good" {
		t.Errorf("%+v", targets)
	}
	s.plug.generation.board.Fail(0, uint64(s.mono()/1e6))
	s.plug.generation.board.TargetState(0).Errno.Store(uint32(unix.ECONNREFUSED))
	targets = s.ask(control.Request{Verb: control.GetTargets}, nil).Targets
	if targets[0].State != "failed" || targets[0].Failures != 1 || targets[0].LastFailure != "Connection refused" || targets[0].FailedFor > 60 || time.Since(targets[0].LastFailureAt) > time.Minute {
		t.Errorf("%+v", targets)
	}
	s.plug.generation.board.TargetState(0).Failed.Store(0) // as when all have failed
	targets = s.ask(control.Request{Verb: control.GetTargets}, nil).Targets
	st = s.ask(control.Request{Verb: control.GetStatus}, nil).Status
	if targets[0].State != "failing" || st.Targets["failing"] != 1 || st.Targets["good"] != 0 {
		t.Errorf("%+v, %+v", targets, st.Targets)
	}
	next, err := newGeneration(2, s.cfg, s.plug.cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	carryState(s.plug.generation, next, false)
	if was, is := s.plug.generation.board.TargetState(0), next.board.TargetState(0); is.Failing.Load() != was.Failing.Load() || is.LastFailure.Load() != was.LastFailure.Load() {
		t.Error("an upgrade forgets that the target is failing")
	}
}

// The state of a target is set in all generations, and in both slots of a target
// that is named twice.
func TestVerbsTarget(t *testing.T) {
	s, _ := serving(t, func(c *settings) { c.Targets = append(c.Targets, c.Targets[0]) })
	older, err := newGeneration(0, s.cfg, s.plug.cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer older.close()
	s.plug.older = []*generation{older}
	r := s.ask(control.Request{Verb: control.SetTarget, Target: "127.0.0.1:9", State: "draining"}, nil)
	if r.Error != "" || len(r.Targets) != 2 || r.Targets[1].State != "draining" {
		t.Errorf("%+v", r)
	}
	for i := range 2 {
		if s.plug.generation.board.TargetState(i).Admin.Load() != board.Draining || older.board.TargetState(i).Admin.Load() != board.Draining {
			t.Errorf("target %d: %d and %d", i, s.plug.generation.board.TargetState(i).Admin.Load(), older.board.TargetState(i).Admin.Load())
		}
	}
	next, err := newGeneration(2, s.cfg, s.plug.cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	carryState(s.plug.generation, next, false)
	if next.board.TargetState(1).Admin.Load() != board.Draining {
		t.Error("an upgrade forgets it")
	}
	s.plug.older = nil
}

func TestVerbsAcceptAndStop(t *testing.T) {
	s, _ := serving(t, nil)
	s.ask(control.Request{Verb: control.SetAccept, State: "paused"}, nil)
	if !s.plug.paused || s.plug.generation.board.State.Gate.Load() != board.GatePaused {
		t.Error("not paused")
	}
	s.ask(control.Request{Verb: control.SetAccept, State: "open"}, nil)
	if s.plug.paused || s.plug.generation.board.State.Gate.Load() != board.GateOpen {
		t.Error("not open")
	}
	s.ask(control.Request{Verb: control.SetLogLevel, Level: 2}, nil)
	if s.plug.generation.board.State.LogAt.Load() != 2 || !s.log.IsTrace() || !s.levelSet {
		t.Error("the log level")
	}
	r := s.ask(control.Request{Verb: control.Reload}, nil)
	if r.Error != "" || !slices.Equal(s.starter.told, []string{"reloading", "reloaded"}) {
		t.Errorf("%+v; the starter is told %q", r, s.starter.told)
	}
	r = s.ask(control.Request{Verb: control.Stop}, nil)
	if s.phase != stopping || !strings.Contains(r.Said, "0 sessions continue") {
		t.Errorf("phase %d, %+v", s.phase, r)
	}
	for _, verb := range []control.Verb{control.Upgrade, control.SetAccept, control.SetTarget} {
		if r := s.ask(control.Request{Verb: verb, State: map[control.Verb]string{control.SetAccept: "open", control.SetTarget: "enabled"}[verb], Target: "127.0.0.1:9"}, nil); !strings.Contains(r.Error, "not serving") {
			t.Errorf("%s of a plug that stops: %+v", verb, r)
		}
	}
}

// Each verb that acts reports whether it has changed anything.
func TestVerbsSayChanged(t *testing.T) {
	s, all := serving(t, nil)
	accept := func(state string) control.Request { return control.Request{Verb: control.SetAccept, State: state} }
	target := func(state string) control.Request {
		return control.Request{Verb: control.SetTarget, Target: "127.0.0.1:9", State: state}
	}
	level := func(n int) control.Request { return control.Request{Verb: control.SetLogLevel, Level: n} }
	reload, reopen, stop := control.Request{Verb: control.Reload}, control.Request{Verb: control.Reopen}, control.Request{Verb: control.Stop}
	kill := control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}}
	dry := kill
	dry.DryRun = true
	rotate := func() { os.Rename(s.path, s.path+".0") }
	var row *board.Row
	begin := func() { row = s.addSession(all[0], "10.1.0.1:1") }
	end := func() {
		if row != nil && row.Word().State() == board.RowLive {
			row.End()
			row.Free()
		}
	}
	for i, c := range []struct {
		before  func()
		req     control.Request
		between func()
		changed bool
	}{
		{nil, accept("open"), nil, false},
		{nil, accept("paused"), nil, true},
		{nil, accept("paused"), nil, false},
		{nil, accept("open"), nil, true},
		{nil, target("enabled"), nil, false},
		{nil, target("disabled"), nil, true},
		{nil, target("disabled"), nil, false},
		{nil, target("draining"), nil, true},
		{nil, level(0), nil, false},
		{nil, level(1), nil, true},
		{nil, level(1), nil, false},
		{nil, reload, nil, false},
		{nil, reopen, nil, false},
		{rotate, reopen, nil, true},
		{rotate, reload, nil, true},
		{nil, reload, nil, false},
		{nil, kill, nil, false},
		{begin, dry, nil, false},
		{nil, kill, end, true},
		{nil, stop, nil, true},
	} {
		if c.before != nil {
			c.before()
		}
		r := s.ask(c.req, c.between)
		if r.Error != "" || r.Changed == nil || *r.Changed != c.changed {
			t.Errorf("%d: %+v: %+v, want changed: %v", i, c.req, r, c.changed)
		}
	}
	if r := s.ask(target("enabled"), nil); r.Error == "" || r.Changed != nil {
		t.Errorf("a refused verb: %+v", r)
	}
	if r := s.ask(control.Request{Verb: control.GetStatus}, nil); r.Changed != nil {
		t.Errorf("a verb that does not act: %+v", r)
	}
}
