//go:build linux

package main

import (
	"io"
	"strings"
	"testing"

	"plugdaemon/test/bench/stats"
)

func TestParseWorkloads(t *testing.T) {
	for _, c := range []struct {
		list string
		want string // empty: an error
	}{
		{"short:16", "short:16:64"},
		{"request:32:16384,bulk:8", "request:32:16384 bulk:8:64"},
		{"idle:4000", "idle:4000:64"},
		{"", ""}, {"short", ""}, {"short:0", ""}, {"short:x", ""}, {"long:1", ""},
		{"short:1:0", ""}, {"short:1:64:9", ""}, {"bulk:257", ""},
	} {
		got, err := parseWorkloads(c.list)
		var words []string
		for _, w := range got {
			words = append(words, w.String())
		}
		if (err != nil) != (c.want == "") || err == nil && strings.Join(words, " ") != c.want {
			t.Errorf("%q: got %v, %v; want %q", c.list, got, err, c.want)
		}
	}
}

// A goal is judged by the median ratio, and failed sessions fail it.
func TestGoals(t *testing.T) {
	g := promised[0]
	for _, c := range []struct {
		plug   stats.Series
		failed int64
		want   bool
	}{
		{stats.Series{49, 51, 50}, 0, true},
		{stats.Series{49, 52, 51}, 0, false},
		{stats.Series{49, 51, 50}, 1, false},
	} {
		r := results{g.workload.String(): {
			g.plug: {figures: []stats.Series{c.plug}, failed: c.failed},
			g.peer: {figures: []stats.Series{{100, 100, 100}}},
		}}
		if got := goals(io.Discard, r); got != c.want {
			t.Errorf("%v with %d failed: met is %v", c.plug, c.failed, got)
		}
	}
	if !goals(io.Discard, results{}) {
		t.Error("a run without the goals' figures misses them")
	}
}
