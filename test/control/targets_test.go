// Tests of the states of targets, set on the control socket.

package control

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A draining target serves only clients that have it; a disabled one serves
// none.
func TestControlTargets(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addrs := harness.ThreeTargets(t)
		p := harness.Start(t, mode, harness.WithControl(append([]string{"-f", "-l"}, addrs...)...)...)
		state := func(i int, state string) harness.Reply {
			return p.Asks("target", harness.Fields{"target": addrs[i], "state": state})
		}
		at := func(n int) string { return harness.Greeting(t, fmt.Sprintf("127.9.0.%d", n), p.Addr()) }
		if got := at(1) + at(2) + at(3); got != "abc" {
			t.Fatalf("the first three get %q", got)
		}
		r := state(1, "draining")
		if len(r.Targets) != 1 || r.Targets[0].State != "draining" || r.Targets[0].Target != addrs[1] {
			t.Errorf("%+v", r.Targets)
		}
		if got := at(2); got != "b" {
			t.Errorf("a client of the draining target gets %q", got)
		}
		got := ""
		for n := 10; n < 16; n++ {
			got += at(n)
		}
		if strings.Contains(got, "b") || !strings.Contains(got, "a") || !strings.Contains(got, "c") {
			t.Errorf("new clients get %q", got)
		}
		state(1, "disabled")
		if got := at(2); got == "b" || got == "" {
			t.Errorf("a client of the disabled target gets %q", got)
		}
		state(0, "disabled")
		if got := at(1) + at(20) + at(21); got != "ccc" {
			t.Errorf("with one target left, clients get %q", got)
		}
		state(2, "draining")
		noTargetIsLeft(t, p, 14) // as many as there were clients
		for i := range addrs {
			state(i, "enabled")
		}
		if got := harness.Greeting(t, "127.9.0.40", p.Addr()); got == "" {
			t.Error("enabled again, and no target is had")
		}
		for _, wrong := range []harness.Fields{{"target": "127.0.0.1:1", "state": "enabled"}, {"target": addrs[0], "state": "asleep"}, nil} {
			p.Refuses(t, "target", wrong)
		}
		status := p.Asks("status", nil).Status
		if status.Targets["good"] != 3 || status.Targets["draining"] != 0 {
			t.Errorf("%+v", status.Targets)
		}
	})
}

// noTargetIsLeft checks that a client is turned away at once; lines is how many
// session lines there are before.
func noTargetIsLeft(t *testing.T, p *harness.Plug, lines int) {
	t.Helper()
	p.Lines(lines)
	c, err := harness.DialFrom("127.9.0.30", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	if harness.HungUp(c); time.Since(began) > 5*time.Second {
		t.Error("without any target a client waits")
	}
	if l := harness.Last(p.Lines(lines+1), 1)[0]; l.Peer != "127.9.0.30" || l.Target != "-" {
		t.Errorf("its line: %+v", l)
	}
	harness.Await(t, "a word about that", harness.NormalWait, func() bool { return len(p.Said("no target available: all are disabled or draining")) == 1 })
	if got := p.Asks("metrics", nil).Metrics.Ended.Of("unreached"); got != 1 {
		t.Errorf("%d unreached", got)
	}
}
