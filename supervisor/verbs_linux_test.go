// Tests of the verbs of the control socket: what they change and refuse, also
// between two masters.

package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
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
	case <-s.over:
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
	if s.phase != running {
		t.Errorf("frozen: a request changed the phase to %d", s.phase)
	}
	if s.plug.paused {
		t.Error("frozen: a request paused the plug")
	}
	if admin := s.plug.generation.board.TargetState(0).Admin.Load(); admin != board.Enabled {
		t.Errorf("frozen: a request changed the target's state to %d", admin)
	}
	if n := s.master.totals.Requests; n != 0 {
		t.Errorf("frozen: %d requests are counted", n)
	}
	s.upgrades.frozen = false
	close(s.over)
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
		for _, g := range []*generation{s.plug.generation, older} {
			if admin := g.board.TargetState(i).Admin.Load(); admin != board.Draining {
				t.Errorf("target %d of generation %d has state %d, want draining", i, g.number, admin)
			}
		}
	}
	next, err := newGeneration(2, s.cfg, s.plug.cfg, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	carryState(s.plug.generation, next, false)
	if next.board.TargetState(1).Admin.Load() != board.Draining {
		t.Error("the next generation does not know that the target is draining")
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
	if level := s.plug.generation.board.State.LogAt.Load(); level != 2 {
		t.Errorf("the workers' log level is %d, want 2", level)
	}
	if !s.log.IsTrace() {
		t.Error("the master's log level is not trace")
	}
	if !s.levelSet {
		t.Error("the master does not know that an admin has set the log level")
	}
	r := s.ask(control.Request{Verb: control.Reload}, nil)
	if r.Error != "" || !slices.Equal(s.starter.told, []string{"reloading", "reloaded"}) {
		t.Errorf("%+v; the starter is told %q", r, s.starter.told)
	}
	r = s.ask(control.Request{Verb: control.Stop}, nil)
	if s.phase != stopping {
		t.Errorf("phase %d, want stopping", s.phase)
	}
	if !strings.Contains(r.Said, "0 sessions continue") {
		t.Errorf("%+v", r)
	}
	for _, verb := range []control.Verb{control.Upgrade, control.SetAccept, control.SetTarget} {
		if r := s.ask(control.Request{Verb: verb, State: map[control.Verb]string{control.SetAccept: "open", control.SetTarget: "enabled"}[verb], Target: "127.0.0.1:9"}, nil); !strings.Contains(r.Error, "not serving") {
			t.Errorf("%s of a plug that stops: %+v", verb, r)
		}
	}
}
