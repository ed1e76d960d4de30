//go:build linux

// Tests of the report.

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
)

// few returns proxies of each sort.
func few() []*proxy.Proxy {
	return []*proxy.Proxy{proxy.Plug("/nowhere/plug", "prefork", ""), {Name: "haproxy", Program: "haproxy"},
		{Name: "socat", Program: "socat", Tasks: 1, Most: 4200, MostWhy: "a process for each"},
		{Name: "rinetd", Program: "rinetd", Tasks: 1, Most: 4200, MostWhy: "a process for each"}, proxy.Direct(), proxy.Bare("/nowhere/bare", starts)}
}

// Each line of the table has the same number of cells, there is no CPU for no
// proxy at all, and the table says which proxies were left out and why.
func TestTable(t *testing.T) {
	o := &options{rounds: 2, duration: time.Second, reference: "haproxy", proxies: few(), limits: limits{descriptors: 20000, tasks: 32768}}
	var err error
	if o.workloads, err = parseWorkloads("short:16,idle:8000"); err != nil {
		t.Fatal(err)
	}
	full := func(v ...float64) (s []stats.Series) {
		for range 4 {
			s = append(s, v)
		}
		return s
	}
	r := results{
		"short:16": {"plug prefork": {figures: full(50, 60)}, "haproxy": {figures: full(100, 120)}, "none": {figures: full(0, 0)},
			"socat": {figures: full(stats.Missing, 400), failed: 1, problems: []string{"it died"}}},
		"idle:8000": {"haproxy": {figures: full(9, 10)[:2]}},
	}
	var out bytes.Buffer
	if err := report(&out, o, r, "a machine"); err != nil {
		t.Errorf("no plug failed and no goal is missed: %v", err)
	}
	text := out.String()
	for _, want := range []string{
		"| plug prefork | 55.0 (50.0–60.0) | 0.50 (0.50–0.50) |",
		"| none | – | – |", "| socat | 400 | 3.33 |", "FAILED socat, short:16: it died", "of 2 rounds",
		"Left out: plug prefork (8000 sessions: a process for each, at most 4,096 with the spares).",
		"Left out: socat, rinetd (8000 sessions: a process for each).",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "| "+proxy.BareName) {
		t.Error("the bare program has no sessions")
	}
	bars := 0
	for line := range strings.Lines(text) {
		if n := strings.Count(line, "|"); n == 0 {
			bars = 0
		} else if bars == 0 {
			bars = n
		} else if n != bars {
			t.Errorf("%d cells where others have %d: %s", n-1, bars-1, line)
		}
	}
	r["short:16"]["plug prefork"].problems = []string{"a line is missing"}
	if report(&out, o, r, "a machine") == nil {
		t.Error("a plug's failure goes unnoticed")
	}
}

func TestUnfit(t *testing.T) {
	roomy := limits{descriptors: 20000, tasks: 32768}
	all := few()
	prefork, haproxy, socat := all[0], all[1], all[2]
	for _, c := range []struct {
		word string
		p    *proxy.Proxy
		l    limits
		says string // "": it can take part
	}{
		{"idle:4000", prefork, roomy, ""},
		{"growth:4000", prefork, roomy, ""},
		{"idle:8000", prefork, roomy, "a process for each"},
		{"idle:8000", haproxy, roomy, ""},
		{"idle:8000", socat, roomy, "a process for each"},
		{"idle:4000", socat, roomy, ""},
		{"idle:4000", haproxy, limits{5000, 32768}, "8100 descriptors"},
		{"idle:4000", haproxy, limits{1024, 32768}, "the load needs 4100 descriptors"},
		{"idle:4000", prefork, limits{20000, 16384}, "17000 tasks"},
		{"idle:500", prefork, limits{1024, 16384}, ""},
		{"upgrades:8", haproxy, roomy, "HAProxy's own way"},
		{"upgrades:8", prefork, roomy, ""},
		{"short:16", prefork, limits{1024, 4096}, ""},
	} {
		ws, err := parseWorkloads(c.word)
		if err != nil {
			t.Fatal(err)
		}
		if got := ws[0].unfit(c.p, c.l); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s under %s with %+v: %q, want %q", c.p.Name, c.word, c.l, got, c.says)
		}
	}
}

// A proxy that was not measured or failed every time has no dot, and neither
// has no proxy at all.
func TestPicture(t *testing.T) {
	o := &options{proxies: few()}
	r := cells(t, map[point]stats.Series{
		{"short:16", cpuConnection, "plug prefork"}: {50, 70, 60},
		{"short:16", cpuConnection, "haproxy"}:      {stats.Missing},
		{"short:16", cpuConnection, "none"}:         {0},
		{"bulk:8", cpuGB, "haproxy"}:                {800},
		{"bulk:8", cpuGB, "socat"}:                  {0, 900},
	})
	p := picture(o, r, "a machine")
	if len(p.Panels) != 2 || len(p.Panels[0].Rows) != 1 || len(p.Panels[1].Rows) != 1 {
		t.Fatalf("%+v", p)
	}
	if row := p.Panels[0].Rows[0]; row.Name != "plug prefork" || !row.Ours || row.Least != 50 || row.Median != 60 || row.Most != 70 {
		t.Errorf("%+v", row)
	}
}
