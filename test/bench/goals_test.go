//go:build linux

// Tests of how goals are judged.

package main

import (
	"bytes"
	"strings"
	"testing"

	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
)

// cells returns results with one figure in the named column of each.
func cells(t *testing.T, at map[point]stats.Series) results {
	t.Helper()
	r := results{}
	for p, s := range at {
		ws, err := parseWorkloads(p.workload)
		if err != nil {
			t.Fatal(err)
		}
		if r[p.workload] == nil {
			r[p.workload] = map[string]*cell{}
		}
		c := r[p.workload][p.proxy]
		if c == nil {
			c = &cell{figures: make([]stats.Series, len(ws[0].columns()))}
			r[p.workload][p.proxy] = c
		}
		c.figures[ws[0].index(p.column)] = s
	}
	return r
}

// A goal is judged by the median of the rounds' ratios, which must be on the
// right side of the limit; failed sessions make the goal fail.
func TestGoalIsJudged(t *testing.T) {
	cpu := func(who string) point { return point{"short:16", cpuConnection, who} }
	gbs := func(who string) point { return point{"bulk:1", gbSecond, who} }
	last := point{"burst:500", lastMS, "plug prefork"}
	haproxy, best := cpu("haproxy"), gbs(bestPeer)
	ratio := goal{of: cpu("plug pool"), over: &haproxy, sense: atMost, done: 0.5, aimed: 0.3}
	less := goal{of: cpu("plug pool"), over: &haproxy, sense: below, done: 0.5}
	more := goal{of: gbs("plug fork"), over: &best, sense: atLeast, done: 1.1, aimed: 1.25}
	alone := goal{of: last, sense: atMost, done: 900, aimed: 500}
	two := goal{of: cpu("plug pool"), over: &haproxy, sense: atMost, done: 1, aimed: 1, aimedAt: "pen"}
	for _, c := range []struct {
		name   string
		goal   goal
		have   map[point]stats.Series
		failed int64
		want   string // pass, FAIL, or "": not judged
		says   string
	}{
		{"at the limit", ratio, map[point]stats.Series{cpu("plug pool"): {49, 51, 50}, cpu("haproxy"): {100, 100, 100}}, 0, "pass", "not reached"},
		{"not below it", less, map[point]stats.Series{cpu("plug pool"): {49, 51, 50}, cpu("haproxy"): {100, 100, 100}}, 0, "FAIL", "0.50"},
		{"over it", ratio, map[point]stats.Series{cpu("plug pool"): {49, 52, 51}, cpu("haproxy"): {100, 100, 100}}, 0, "FAIL", "0.51 (0.49–0.52) × haproxy"},
		{"round by round", ratio, map[point]stats.Series{cpu("plug pool"): {20, 40, 90}, cpu("haproxy"): {50, 100, 300}}, 0, "pass", "0.40"},
		{"with a failure", ratio, map[point]stats.Series{cpu("plug pool"): {29, 29, 29}, cpu("haproxy"): {100, 100, 100}}, 1, "FAIL", "1 failed"},
		{"without a figure of ours", ratio, map[point]stats.Series{cpu("plug pool"): {stats.Missing}, cpu("haproxy"): {100}}, 1, "FAIL", "no figure"},
		{"what is aimed at", ratio, map[point]stats.Series{cpu("plug pool"): {30}, cpu("haproxy"): {100}}, 0, "pass", ": reached"},
		{"without the peer", ratio, map[point]stats.Series{cpu("plug pool"): {30}}, 0, "", ""},
		{"without the plug", ratio, map[point]stats.Series{cpu("haproxy"): {30}}, 0, "", ""},
		{"more is better", more, map[point]stats.Series{gbs("plug fork"): {2.3}, gbs("nginx"): {2}, gbs("pen"): {1.9}}, 0, "pass", "× nginx"},
		{"of the best, not of the worst", more, map[point]stats.Series{gbs("plug fork"): {2.1}, gbs("nginx"): {2}, gbs("pen"): {1}}, 0, "FAIL", "× nginx"},
		{"no proxy at all is no peer", more, map[point]stats.Series{gbs("plug fork"): {2.1}, gbs("none"): {9}}, 0, "", ""},
		{"a figure alone", alone, map[point]stats.Series{last: {880, 890, 990}}, 0, "pass", "890 (880–990)"},
		{"a figure alone, too much", alone, map[point]stats.Series{last: {880, 990, 991}}, 0, "FAIL", ""},
		{"aimed at another one", two, map[point]stats.Series{cpu("plug pool"): {50}, cpu("haproxy"): {60}, cpu("pen"): {40}}, 0, "pass", "1.25 × pen: not reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := cells(t, c.have)
			if plug := r[c.goal.of.workload][c.goal.of.proxy]; plug != nil {
				plug.failed = c.failed
			}
			line, ok, known := c.goal.judge(r)
			if known != (c.want != "") || ok != (c.want == "pass") || !strings.Contains(line, c.want) || !strings.Contains(line, c.says) {
				t.Errorf("%q, met %v, known %v; want %q with %q", line, ok, known, c.want, c.says)
			}
		})
	}
}

// Goals across workloads, for the newer of two plugs, and next to another
// proxy's figure.
func TestGoalsOfARun(t *testing.T) {
	run := map[point]stats.Series{
		{"growth:10", cpuConnection, "plug pool new"}:   {100},
		{"growth:4000", cpuConnection, "plug pool new"}: {130},
		{"growth:10", cpuConnection, "plug pool old"}:   {1},
		{"idle:500", kibSession, "plug prefork"}:        {700},
		{"idle:500", kibSession, proxy.Forker}:          {147},
		{"short:16", cpuConnection, "plug fork"}:        {150},
		{"start:200", cpuStart, proxy.BareName}:         {100},
	}
	var out bytes.Buffer
	if goals(&out, cells(t, run)) {
		t.Error("a goal that is missed goes unnoticed")
	}
	for _, want := range []string{
		"**FAIL** (issue 5.5): plug pool new, growth:4000, CPU µs/connection: 1.30 × plug pool new, growth:10, at most **1.25**",
		"700, at most **1000**; aimed at 800: reached; beside it simpleproxy 147",
		"pass (issue 5.1): plug fork, short:16, CPU µs/connection: 1.50 × bare Go program, start:200",
		"goals not judged",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	run[point{"growth:4000", cpuConnection, "plug pool new"}] = stats.Series{120}
	if out.Reset(); !goals(&out, cells(t, run)) {
		t.Errorf("all goals are met, but not to\n%s", out.String())
	}
	if !goals(&out, results{}) {
		t.Error("a run without the goals' figures misses them")
	}
}
