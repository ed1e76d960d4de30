//go:build linux

// A whole run: all rounds, and their results.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"daemon/plug/test/bench/plot"
	"daemon/plug/test/bench/stats"
)

// cell has one proxy's rounds under one workload.
type cell struct {
	figures  []stats.Series // in the order of workload.columns
	failed   int64
	problems []string
}

// results are the cells of a run, by workload and proxy.
type results map[string]map[string]*cell

func (r results) at(w workload, name string) *cell {
	return r[w.String()][name]
}

// errJudged means that a plug failed.
var errJudged = errors.New("a plug failed a session or missed a goal")

// bench runs everything, and writes the results.
func bench(o *options) error {
	// Found now, not after half an hour.
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
	r := takeAll(o)
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
	var err error
	if o.output != "" {
		err = os.WriteFile(o.output, result.Bytes(), 0o644)
	} else {
		_, err = os.Stdout.Write(result.Bytes())
	}
	return errors.Join(err, judged)
}

// takeAll runs all rounds.
func takeAll(o *options) results {
	r := results{}
	for _, w := range o.workloads {
		r[w.String()] = map[string]*cell{}
	}
	began := time.Now()
	order := rand.New(rand.NewPCG(o.seed, 0))
	for round := range o.rounds {
		for _, plays := range scenes(o, order) {
			for _, p := range perform(plays, o, order) {
				r.file(p, round, o.rounds)
			}
		}
		took := time.Since(began) / time.Duration(round+1)
		fmt.Fprintf(os.Stderr, "round %d/%d has ended, about %v to go\n", round+1, o.rounds, (took * time.Duration(o.rounds-round-1)).Round(time.Second))
	}
	return r
}

// file stores the results of a play, and prints a line about it.
func (r results) file(p *play, round, rounds int) {
	c := r.at(p.workload, p.proxy.Name)
	if c == nil {
		c = &cell{figures: make([]stats.Series, len(p.workload.columns()))}
		r[p.workload.String()][p.proxy.Name] = c
	}
	m := p.result
	said := trouble(m.problems)
	if p.err != nil {
		c.failed++
		c.problems = append(c.problems, p.err.Error())
		// Keeps the rounds of all proxies aligned, for the ratios.
		m.figures = slices.Repeat([]float64{stats.Missing}, len(c.figures))
		said = " " + p.err.Error()
	}
	var shown []string
	for i, v := range m.figures {
		c.figures[i] = append(c.figures[i], v)
		if p.err == nil {
			shown = append(shown, stats.Digits(v)+" "+p.workload.columns()[i].name)
		}
	}
	c.failed += m.failed
	c.problems = append(c.problems, m.problems...)
	fmt.Fprintf(os.Stderr, "round %d/%d  %-16s %-18s %s%s\n", round+1, rounds, p.workload, p.proxy.Name, strings.Join(shown, ", "), said)
}

func trouble(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	return "  !! " + strings.Join(problems, "; ")
}
