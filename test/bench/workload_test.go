//go:build linux

// Tests of the list of workloads.

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/load"
)

func TestParseWorkloads(t *testing.T) {
	for _, c := range []struct {
		list string
		want string // "": an error
	}{
		{"short:16", "short:16"}, {"short:16:64", "short:16"},
		{"request:32:16384,bulk:8", "request:32:16384 bulk:8"},
		{"idle:4000", "idle:4000"}, {"start:200,upgrades:8", "start:200 upgrades:8"},
		{"all", strings.ReplaceAll(complete, ",", " ")},
		{"", ""}, {"short", ""}, {"short:0", ""}, {"short:x", ""}, {"long:1", ""},
		{"short:1:0", ""}, {"short:1:64:9", ""}, {"bulk:257", ""}, {"duplex:257", ""},
		// The size would have no effect.
		{"idle:1:100", ""},
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

// Every figure of a goal or of the plot is one that the run can measure.
func TestPromisesCanBeJudged(t *testing.T) {
	known, err := parseWorkloads("all")
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, column string) {
		i := slices.IndexFunc(known, func(w workload) bool { return w.String() == name })
		if i < 0 || known[i].index(column) < 0 {
			t.Errorf("nothing measures %s, %s", name, column)
		}
	}
	for _, g := range promises() {
		check(g.of.workload, g.of.column)
		if g.over != nil {
			check(g.over.workload, g.over.column)
		}
		if g.aimed != 0 && !g.sense.holds(g.aimed, g.done) {
			t.Errorf("%+v: reaching what is aimed at would not do", g)
		}
	}
	for _, at := range plotted {
		check(at.workload, at.column)
	}
	if _, err := parseWorkloads(usual); err != nil {
		t.Error(err)
	}
}

// A workload has as many figures as columns.
func TestFiguresFillTheColumns(t *testing.T) {
	for kind, k := range kinds {
		if kind == upgrades {
			continue // it makes its own figures
		}
		w := workload{kind, 8, 64}
		res := load.Result{Ops: 4, Bytes: 2e9, Seconds: 2, OnTime: 3, Planned: 1.5, Median: 3000, P99: 5000, Max: 7000}
		got := figures(w, res, 8*time.Millisecond, cgroup.Held{All: 80 << 10, Kernel: 16 << 10})
		if len(got) != len(k.columns) {
			t.Errorf("%s: %d figures for %d columns", kind, len(got), len(k.columns))
			continue
		}
		for name, want := range map[string]float64{cpuConnection: 2000, cpuRequest: 2000, cpuGB: 4, gbSecond: 1, kibSession: 10,
			medianUS: 3000, lastMS: 7, "connections/s": 2, "CPU ms": 8} {
			if i := w.index(name); i >= 0 && got[i] != want {
				t.Errorf("%s: %s is %v, want %v", kind, name, got[i], want)
			}
		}
	}
}
