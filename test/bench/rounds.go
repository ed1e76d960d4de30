//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"daemon/plug/test/bench/plot"
	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
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

// errJudged is a run whose result is that a plug failed.
var errJudged = errors.New("a plug failed a session or missed a goal")

// bench runs everything, and writes what came of it where the caller wants it.
func bench(o *options) error {
	// Found out now, not when half an hour has passed.
	for _, file := range []string{o.output, o.svg} {
		if file != "" {
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				return err
			}
		}
	}
	stopOnInterrupt()
	defer cleanUp()
	if err := choose(o); err != nil {
		return err
	}
	where := machine()
	target, err := act(roleBackend)
	if err != nil {
		return err
	}
	defer target.end()
	var text string
	if _, err := fmt.Fscanln(target.out, &text); err != nil {
		return fmt.Errorf("no backend: %w", err)
	}
	r := takeAll(o, netip.MustParseAddrPort(text))
	var result bytes.Buffer
	judged := report(&result, o, r, where)
	if o.svg != "" {
		drawn := picture(o, r, where)
		if len(drawn.Panels) == 0 {
			fmt.Fprintln(os.Stderr, "bench: the plot is empty: none of its workloads was measured")
		}
		if err := os.WriteFile(o.svg, plot.SVG(drawn), 0o644); err != nil {
			return err
		}
	}
	if o.output != "" {
		err = os.WriteFile(o.output, result.Bytes(), 0o644)
	} else {
		_, err = os.Stdout.Write(result.Bytes())
	}
	return errors.Join(err, judged)
}

// takeAll makes all rounds.
func takeAll(o *options, target netip.AddrPort) results {
	r := results{}
	began := time.Now()
	order := rand.New(rand.NewPCG(o.seed, 0))
	for round := range o.rounds {
		for _, w := range o.workloads {
			if r[w.String()] == nil {
				r[w.String()] = map[string]*cell{}
			}
			for range w.turns() {
				r.takeTurn(w, o, target, round, order.Perm(len(o.proxies)))
			}
		}
		took := time.Since(began) / time.Duration(round+1)
		fmt.Fprintf(os.Stderr, "round %d/%d has ended, about %v to go\n", round+1, o.rounds, (took * time.Duration(o.rounds-round-1)).Round(time.Second))
	}
	return r
}

// takeTurn measures one workload with all proxies, in an order of its own: none
// is always behind the same neighbour, whose end may last.
func (r results) takeTurn(w workload, o *options, target netip.AddrPort, round int, order []int) {
	for _, i := range order {
		if p := o.proxies[i]; w.concerns(p) && w.unfit(p, o.limits) == "" {
			r.take(p, w, o, target, round)
		}
	}
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
		fmt.Fprintf(os.Stderr, "round %d/%d  %-16s %-18s %v\n", round+1, o.rounds, w, p.Name, err)
		// Keeps the rounds of all proxies side by side for ratios.
		m.figures = slices.Repeat([]float64{stats.Missing}, len(c.figures))
	}
	for i, v := range m.figures {
		c.figures[i] = append(c.figures[i], v)
	}
	c.failed += m.failed
	c.problems = append(c.problems, m.problems...)
	if err == nil {
		var shown []string
		for i, name := range w.columns() {
			shown = append(shown, stats.Digits(m.figures[i])+" "+name.name)
		}
		fmt.Fprintf(os.Stderr, "round %d/%d  %-16s %-18s %s%s\n", round+1, o.rounds, w, p.Name, strings.Join(shown, ", "), trouble(m.problems))
	}
}

func trouble(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	return "  !! " + strings.Join(problems, "; ")
}
