//go:build linux

// The report: tables in Markdown, failures, and the comparison of two plugs.

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
)

// The two binaries of -plug OLD,NEW.
const (
	labelOld = "old"
	labelNew = "new"
)

// report writes everything as Markdown; it returns an error if a plug failed.
func report(out io.Writer, o *options, r results, where string) error {
	for _, m := range o.missing {
		fmt.Fprintf(out, "Missing: %s\n\n", m)
	}
	fmt.Fprintf(out, "%s, %s. Medians of %s in turn, with the least and the most; %v each, or %d slices of %v; order from -seed %d.\n",
		where, time.Now().Format("2006-01-02"), plural(o.rounds, "round"), o.duration, slicesEach, o.duration/sliceOfTime, o.seed)
	for _, w := range o.workloads {
		table(out, o, r, w)
	}
	fmt.Fprintf(out, "\n### Versions and options\n\n")
	for _, p := range o.proxies {
		fmt.Fprintln(out, "- "+p.Describe())
	}
	failed := problems(out, o, r)
	compare(out, o, r)
	if !goals(out, r) || failed {
		return errJudged
	}
	return nil
}

// table prints one workload, with a row for each proxy, and below it which
// proxies were left out.
func table(out io.Writer, o *options, r results, w workload) {
	columns := w.columns()
	ref := r.at(w, o.reference)
	head := []string{"proxy", columns[0].name}
	if ref != nil {
		head = append(head, "× "+o.reference)
	}
	for _, c := range columns[1:] {
		head = append(head, c.name)
	}
	head = append(head, "failed")
	fmt.Fprintf(out, "\n### %s\n\n| %s |\n|%s\n", w.Title(), strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	var reasons []string
	left := map[string][]string{} // names by reason
	for _, p := range o.proxies {
		if !w.concerns(p) {
			continue
		}
		if why := w.unfit(p, o.limits); why != "" {
			if left[why] == nil {
				reasons = append(reasons, why)
			}
			left[why] = append(left[why], p.Name)
			continue
		}
		if c := r.at(w, p.Name); c != nil {
			fmt.Fprintf(out, "| %s |\n", strings.Join(row(p, w, c, ref), " | "))
		}
	}
	for _, why := range reasons {
		fmt.Fprintf(out, "\nLeft out: %s (%s).\n", strings.Join(left[why], ", "), why)
	}
}

func row(p *proxy.Proxy, w workload, c, ref *cell) []string {
	first := shown(p, w, c, 0)
	cells := []string{p.Name, first.String()}
	if ref != nil {
		cells = append(cells, first.Over(ref.figures[0]).String())
	}
	for i := 1; i < len(c.figures); i++ {
		cells = append(cells, shown(p, w, c, i).String())
	}
	return append(cells, fmt.Sprint(c.failed))
}

// shown is a figure, except if it makes no sense without a proxy.
func shown(p *proxy.Proxy, w workload, c *cell, i int) stats.Series {
	if p.Program == "" && w.columns()[i].own {
		return nil
	}
	return c.figures[i]
}

// problems lists the failures, and reports whether a plug had any; those of
// other proxies are only listed.
func problems(out io.Writer, o *options, r results) (failed bool) {
	for _, w := range o.workloads {
		for _, p := range o.proxies {
			c := r.at(w, p.Name)
			if c == nil || len(c.problems) == 0 {
				continue
			}
			fmt.Fprintf(out, "\nFAILED %s, %s: %s\n", p.Name, w, strings.Join(c.problems, "; "))
			failed = failed || p.Plug
		}
	}
	return failed
}

// compare prints new ÷ old, if two plugs were measured.
func compare(out io.Writer, o *options, r results) {
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
				fmt.Fprintf(out, "\n### New ÷ old, round by round\n\n| workload | mode | figure | ratio |\n|---|---|---|---|\n")
				printed = true
			}
			for i, column := range w.columns() {
				fmt.Fprintf(out, "| %s | %s | %s | %s |\n", w, mode, column.name, now.figures[i].Over(old.figures[i]))
			}
		}
	}
}
