// Tests of the verbs of a master with several plugs.

package supervisor

import (
	"testing"

	"daemon/plug/supervisor/control"
)

// The status has each plug; that of a single plug is as it was before there could be
// several.
func TestStatusOfSeveralPlugs(t *testing.T) {
	s, plugs, _ := threePlugs(t)
	plugs[1].pause(true)
	r := s.ask(control.Request{Verb: control.GetStatus}, nil)
	if len(r.Plugs) != 3 || r.Status == nil || r.Status.Plug != "127.0.0.1:0" {
		t.Fatalf("%d plugs, status %+v", len(r.Plugs), r.Status)
	}
	for i, got := range r.Plugs {
		checkEqual(t, "the name", got.Plug, plugs[i].name())
		checkEqual(t, got.Plug+": paused", got.Paused, i == 1)
		checkEqual(t, got.Plug+": its spares", got.Workers["spare"], 2)
	}
	alone, _ := serving(t, nil)
	if r := alone.ask(control.Request{Verb: control.GetStatus}, nil); len(r.Plugs) != 0 || r.Status == nil {
		t.Errorf("of one plug: %+v", r)
	}
}
