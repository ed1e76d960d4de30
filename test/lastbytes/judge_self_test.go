// Tests of TestLastBytes's own parts: the judge and the scenarios.

package lastbytes

import (
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// The judge finds each kind of fault, and none in a correct outcome.
func TestLastBytesJudge(t *testing.T) {
	ends := func(end ...step) part { return part{acts: append([]step{{sends, 10}}, end...)} }
	orderly := func() *account { return &account{seen{fin: true, finSent: true}, 10, 10} }
	left := func() *account { return &account{seen{acked: 8, come: 3}, 10, 2} }
	line := harness.SessionLine{In: 10, Out: 10}
	for _, c := range []struct {
		name           string
		client, target part
		change         func(client, target *account, line *harness.SessionLine)
		finds          string
	}{
		{"in order", ends(), ends(), func(c, t *account, l *harness.SessionLine) {}, ""},
		{"a byte is lost", ends(), ends(), func(c, t *account, l *harness.SessionLine) { t.got = 9; l.In = 9 }, "got 9 of 10 bytes that were sent"},
		{"a byte too many", ends(), ends(), func(c, t *account, l *harness.SessionLine) { t.got = 11; l.In = 11 }, "only 10 were sent"},
		{"a sender that could not send", ends(), ends(), func(c, t *account, l *harness.SessionLine) { c.sent, t.got, l.In = 9, 9, 9 }, "9 of 10 bytes could be sent"},
		{"another byte", ends(), ends(), func(c, t *account, l *harness.SessionLine) { c.wrong = "byte 3" }, "byte 3"},
		{"a hang", ends(), ends(), func(c, t *account, l *harness.SessionLine) { c.stuck = "the end" }, "waited too long for the end"},
		{"a reset for an end", ends(), ends(), func(c, t *account, l *harness.SessionLine) { t.reset = true }, "saw a reset"},
		{"a line with more than was delivered", ends(), ends(), func(c, t *account, l *harness.SessionLine) { l.In = 11 }, "11 bytes in, delivered were 10 to 10"},
		{"a line with less", ends(), ends(), func(c, t *account, l *harness.SessionLine) { l.Out = 9 }, "9 bytes out"},
		{"a reset", ends(step{do: resets}), ends(), func(c, t *account, l *harness.SessionLine) {
			*c, t.reset, t.fin, t.got, l.In, l.Out = *left(), true, false, 8, 8, 5
		}, ""},
		{"an end for a reset", ends(step{do: resets}), ends(), func(c, t *account, l *harness.SessionLine) {
			*c, t.got, l.In, l.Out = *left(), 8, 8, 5
		}, "saw an end, not a reset"},
		{"an end before a reset", ends(step{do: fins}, step{do: resets}), ends(), func(c, t *account, l *harness.SessionLine) {
			*c, t.got, l.In, l.Out = *left(), 8, 8, 5
		}, ""},
		{"an acknowledged byte is lost at a reset", ends(step{do: resets}), ends(), func(c, t *account, l *harness.SessionLine) {
			*c, t.reset, t.got, l.In, l.Out = *left(), true, 7, 7, 5
		}, "got 7 of 8 bytes that were acknowledged"},
		{"a line with bytes that a reset has thrown away", ends(step{do: resets}), ends(), func(c, t *account, l *harness.SessionLine) {
			*c, t.reset, t.got, l.In, l.Out = *left(), true, 8, 10, 5
		}, "10 bytes in, delivered were 8 to 8"},
		{"a line with less than had come before a reset", ends(step{do: resets}), ends(), func(c, t *account, l *harness.SessionLine) {
			*c, t.reset, t.got, l.In, l.Out = *left(), true, 8, 8, 2
		}, "2 bytes out, delivered were 3 to 10"},
	} {
		s := scenario{name: c.name, client: c.client, target: c.target}
		client, target, l := orderly(), orderly(), line
		c.change(client, target, &l)
		v := judgeEnds(s, client, target)
		v.judgeLine(s, l, client, target)
		if all := strings.Join(v, "\n"); c.finds == "" && all != "" || !strings.Contains(all, c.finds) {
			t.Errorf("%s: found %q, not %q", c.name, all, c.finds)
		}
	}
	if v := judgeEnds(scenario{client: ends(), target: ends()}, orderly(), nil); len(v) == 0 {
		t.Error("a client that nobody connects passes")
	}
	if v := judgeEnds(scenario{client: ends(step{do: resets}), target: ends()}, left(), nil); len(v) == 0 {
		t.Error("acknowledged bytes of a client that nobody connects pass")
	}
}

// The same seed makes the same scenario, and a few seeds make every kind of
// step.
func TestLastBytesScenarios(t *testing.T) {
	done := map[verb]int{}
	both := map[[2]verb]int{}
	for seed := range uint64(2000) {
		s := scenarioOf(seed)
		if again := scenarioOf(seed); again.String() != s.String() {
			t.Fatalf("%v, and again %v", s, again)
		}
		for _, p := range []part{s.client, s.target} {
			for _, a := range p.acts {
				done[a.do]++
			}
			if n := bytesOf(p.acts); n > mostSent+1024 {
				t.Errorf("%v: %d bytes", s, n)
			}
		}
		both[[2]verb{s.client.end(), s.target.end()}]++
	}
	for _, v := range []verb{sends, crams, urges, acked, gets, rests, breaks, fins, resets, closes} {
		if done[v] < 20 {
			t.Errorf("%q: %d times", v, done[v])
		}
	}
	if len(both) < 8 {
		t.Errorf("pairs of ends: %v", both)
	}
}
