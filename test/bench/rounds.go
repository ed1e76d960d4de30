//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"plugdaemon/test/bench/load"
	"plugdaemon/test/bench/proxy"
	"plugdaemon/test/bench/stats"
)

// cell collects one proxy's rounds under one workload.
type cell struct {
	figures  []stats.Series // as workload.columns says
	failed   int64
	problems []string
}

// results are the cells of a run, by workload and proxy.
type results map[string]map[string]*cell

func (r results) at(w workload, name string) *cell {
	return r[w.String()][name]
}

// bench runs everything and returns the exit status.
func bench(o *options) int {
	stopOnInterrupt()
	where := machine()
	target, err := act(roleBackend)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	defer target.end()
	var text string
	if _, err := fmt.Fscanln(target.out, &text); err != nil {
		fmt.Fprintln(os.Stderr, "bench: no backend:", err)
		return 2
	}
	addr := netip.MustParseAddrPort(text)

	r := results{}
	for round := range o.rounds {
		for _, w := range o.workloads {
			if r[w.String()] == nil {
				r[w.String()] = map[string]*cell{}
			}
			for i := range o.proxies {
				// Another one begins each round: none is always the first
				// after a pause, or behind the same neighbour.
				p := o.proxies[(i+round)%len(o.proxies)]
				if p.Program == "" && w.kind == load.Idle {
					continue
				}
				r.take(p, w, o, addr, round)
			}
		}
	}
	return report(o, r, where)
}

// take makes one measurement and files it.
func (r results) take(p *proxy.Proxy, w workload, o *options, target netip.AddrPort, round int) {
	c := r.at(w, p.Name)
	if c == nil {
		c = &cell{figures: make([]stats.Series, len(w.columns()))}
		r[w.String()][p.Name] = c
	}
	m, err := measure(p, w, o, target)
	if err != nil {
		c.failed++
		c.problems = append(c.problems, err.Error())
		fmt.Fprintf(os.Stderr, "round %d/%d  %-14s %-16s %v\n", round+1, o.rounds, w, p.Name, err)
		// Keeps the rounds of all proxies side by side for ratios.
		m.figures = make([]float64, len(c.figures))
	}
	for i, v := range m.figures {
		c.figures[i] = append(c.figures[i], v)
	}
	c.failed += m.failed
	c.problems = append(c.problems, m.problems...)
	if err == nil {
		var shown []string
		for i, name := range w.columns() {
			shown = append(shown, fmt.Sprintf("%.4g %s", m.figures[i], name))
		}
		fmt.Fprintf(os.Stderr, "round %d/%d  %-14s %-16s %s%s\n", round+1, o.rounds, w, p.Name, strings.Join(shown, ", "), trouble(m.problems))
	}
}

func trouble(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	return "  !! " + strings.Join(problems, "; ")
}
