//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"plugdaemon/test/bench/proxy"
	"plugdaemon/test/bench/stats"
)

// The two binaries of -plug OLD,NEW.
const (
	labelOld = "old"
	labelNew = "new"
)

// report prints everything and returns the exit status.
func report(o *options, r results, where string) int {
	fmt.Printf("%s, %s. Medians of %d rounds in turn, %v each, with the least and the most.\n",
		where, time.Now().Format("2006-01-02"), o.rounds, o.duration)
	for _, w := range o.workloads {
		table(o, r, w)
	}
	notes(o)
	status := problems(o, r)
	compare(o, r)
	if !goals(os.Stdout, r) {
		status = 1
	}
	return status
}

// table prints one workload, a row a proxy.
func table(o *options, r results, w workload) {
	columns := w.columns()
	ref := r.at(w, o.reference)
	head := []string{"proxy", columns[0]}
	if ref != nil {
		head = append(head, "× "+o.reference)
	}
	head = append(append(head, columns[1:]...), "failed")
	fmt.Printf("\n### %s\n\n| %s |\n|%s\n", w.Title(), strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, p := range o.proxies {
		c := r.at(w, p.Name)
		if c == nil {
			continue
		}
		row := []string{p.Name, costs(p, c).String()}
		if ref != nil {
			row = append(row, costs(p, c).Over(ref.figures[0]).String())
		}
		for _, s := range c.figures[1:] {
			row = append(row, s.String())
		}
		fmt.Printf("| %s | %d |\n", strings.Join(row, " | "), c.failed)
	}
}

// costs is the first column: CPU time or memory, which no proxy has none of.
func costs(p *proxy.Proxy, c *cell) stats.Series {
	if p.Program == "" {
		return nil
	}
	return c.figures[0]
}

// notes says how the proxies were configured.
func notes(o *options) {
	fmt.Println()
	for _, p := range o.proxies {
		if p.Note != "" {
			fmt.Printf("- %s: %s\n", p.Name, p.Note)
		}
	}
}

// problems lists what went wrong. The status is 1 if it went wrong with a
// plug; what a peer does wrong is the reader's to judge.
func problems(o *options, r results) (status int) {
	for _, w := range o.workloads {
		for _, p := range o.proxies {
			c := r.at(w, p.Name)
			if c == nil || len(c.problems) == 0 {
				continue
			}
			fmt.Printf("\nFAILED %s, %s: %s\n", p.Name, w, strings.Join(c.problems, "; "))
			if p.Plug {
				status = 1
			}
		}
	}
	return status
}

// compare prints new ÷ old, if two plugs were measured.
func compare(o *options, r results) {
	printed := false
	for _, w := range o.workloads {
		for _, p := range o.proxies {
			mode, isOld := strings.CutSuffix(p.Name, " "+labelOld)
			if !isOld {
				continue
			}
			old, now := r.at(w, p.Name), r.at(w, mode+" "+labelNew)
			if old == nil || now == nil {
				continue
			}
			if !printed {
				fmt.Printf("\n### New ÷ old, round by round\n\n| workload | mode | figure | ratio |\n|---|---|---|---|\n")
				printed = true
			}
			for i, column := range w.columns() {
				fmt.Printf("| %s | %s | %s | %s |\n", w, mode, column, now.figures[i].Over(old.figures[i]))
			}
		}
	}
}
