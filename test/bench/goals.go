//go:build linux

package main

import (
	"fmt"
	"io"

	"plugdaemon/test/bench/load"
)

// goal is a promise: a plug's cost is at most so many times a peer's.
type goal struct {
	workload workload
	plug     string
	most     float64
	peer     string
}

var promised = []goal{
	{workload{load.Short, 16, 64}, "plug prefork", 0.5, "simpleproxy"},
	{workload{load.Short, 16, 64}, "plug pool", 1.2, "haproxy"},
	{workload{load.Bulk, 8, 64}, "plug fork", 0.6, "haproxy"},
	{workload{load.Bulk, 8, 64}, "plug prefork", 0.6, "haproxy"},
	{workload{load.Bulk, 8, 64}, "plug pool", 0.6, "haproxy"},
}

// goals judges those that this run has the figures for, by the median of the
// rounds' ratios, and says whether all were met.
func goals(out io.Writer, r results) bool {
	met, printed := true, false
	for _, g := range promised {
		for _, label := range []string{"", " " + labelNew} {
			plug, peer := r.at(g.workload, g.plug+label), r.at(g.workload, g.peer)
			if plug == nil || peer == nil {
				continue
			}
			ratio := plug.figures[0].Over(peer.figures[0])
			verdict := "pass"
			if ratio.Median() > g.most || len(ratio) == 0 || plug.failed > 0 {
				verdict, met = "FAIL", false
			}
			if !printed {
				fmt.Fprintf(out, "\n### Goals\n\n")
				printed = true
			}
			fmt.Fprintf(out, "- %s: %s, %s: %s × %s's, at most %v\n", verdict, g.plug+label, g.workload.Title()+", "+g.workload.columns()[0], ratio, g.peer, g.most)
		}
	}
	return met
}
