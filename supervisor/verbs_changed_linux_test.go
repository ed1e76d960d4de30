// Tests of what each verb that acts reports: whether it has changed anything.

package supervisor

import (
	"os"
	"testing"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
)

func setAccept(state string) control.Request {
	return control.Request{Verb: control.SetAccept, State: state}
}

func setTarget(state string) control.Request {
	return control.Request{Verb: control.SetTarget, Target: "127.0.0.1:9", State: state}
}

func setLevel(n int) control.Request { return control.Request{Verb: control.SetLogLevel, Level: n} }

func killAll(dry bool) control.Request {
	return control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}, DryRun: dry}
}

// Each verb that acts reports whether it has changed anything.
func TestVerbsReportChanges(t *testing.T) {
	s, all := serving(t, nil)
	reload, reopen, stop := control.Request{Verb: control.Reload}, control.Request{Verb: control.Reopen}, control.Request{Verb: control.Stop}
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
		{nil, setAccept("open"), nil, false},
		{nil, setAccept("paused"), nil, true},
		{nil, setAccept("paused"), nil, false},
		{nil, setAccept("open"), nil, true},
		{nil, setTarget("enabled"), nil, false},
		{nil, setTarget("disabled"), nil, true},
		{nil, setTarget("disabled"), nil, false},
		{nil, setTarget("draining"), nil, true},
		{nil, setLevel(0), nil, false},
		{nil, setLevel(1), nil, true},
		{nil, setLevel(1), nil, false},
		{nil, reload, nil, false},
		{nil, reopen, nil, false},
		{rotate, reopen, nil, true},
		{rotate, reload, nil, true},
		{nil, reload, nil, false},
		{nil, killAll(false), nil, false},
		{begin, killAll(true), nil, false},
		{nil, killAll(false), end, true},
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
}

// A verb that was refused, and one that does not act, does not say whether anything
// has changed.
func TestVerbsWithoutChanges(t *testing.T) {
	s, _ := serving(t, nil)
	if r := s.ask(control.Request{Verb: control.GetStatus}, nil); r.Changed != nil {
		t.Errorf("a verb that does not act: %+v", r)
	}
	s.ask(control.Request{Verb: control.Stop}, nil)
	r := s.ask(setTarget("enabled"), nil)
	if r.Error == "" {
		t.Errorf("a plug that stops has enabled a target: %+v", r)
	}
	if r.Changed != nil {
		t.Errorf("a refused verb: %+v", r)
	}
	if r := s.ask(control.Request{Verb: control.GetStatus}, nil); r.Changed != nil {
		t.Errorf("a verb that does not act, while the plug stops: %+v", r)
	}
}
