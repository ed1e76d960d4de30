//go:build linux

// Goals: figures that plug has promised, and whether a run meets them.

package main

import (
	"fmt"
	"io"
	"strings"

	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
)

// point is one figure of one proxy under one workload.
type point struct {
	workload string // in the form that parseWorkloads reads
	column   string
	proxy    string // or bestPeer
}

// bestPeer stands for the peer with the best median.
const bestPeer = "best peer"

// sense says on which side of its limit a goal's figure must be.
type sense string

const (
	atMost  sense = "at most"
	below   sense = "below"
	atLeast sense = "at least"
)

func (s sense) holds(v, limit float64) bool {
	switch s {
	case atMost:
		return v <= limit
	case below:
		return v < limit
	}
	return v >= limit
}

// goal is a promise: plug's figure, or its ratio to another figure, is on the
// right side of a limit.
type goal struct {
	issue string // the issue that promised it
	of    point
	over  *point // nil: the figure itself is judged
	sense sense
	done  float64 // the limit that counts
	aimed float64 // the desired limit; 0: the same as done
	// aimedAt is the proxy for the ratio of aimed; "": the one in over.
	aimedAt string
	beside  string // a proxy whose figure is printed with it
}

// goals judges the goals for which this run has figures, by the median of the
// rounds' ratios, and reports whether all were met.
func goals(out io.Writer, r results) bool {
	met, unjudged := true, 0
	var lines []string
	for _, g := range promises() {
		judged := false
		for _, label := range []string{"", " " + labelNew} {
			line, ok, known := g.labelled(label).judge(r)
			if !known {
				continue
			}
			judged = true
			lines = append(lines, line)
			met = met && ok
		}
		if !judged {
			unjudged++
		}
	}
	if len(lines) == 0 {
		return true
	}
	fmt.Fprintf(out, "\n### Goals\n\n%s\n", strings.Join(lines, "\n"))
	if unjudged > 0 {
		fmt.Fprintf(out, "\n%s not judged: this run has not all of their figures.\n", plural(unjudged, "goal"))
	}
	return met
}

// labelled is the goal for one of two plugs.
func (g goal) labelled(label string) goal {
	g.of.proxy += label
	if g.over != nil && strings.HasPrefix(g.over.proxy, "plug ") {
		over := *g.over
		over.proxy += label
		g.over = &over
	}
	return g
}

// judge says whether the goal is met; known is false without the figures for
// it.
func (g goal) judge(r results) (line string, ok, known bool) {
	plug, failed, known := r.series(g.of)
	if !known {
		return "", false, false
	}
	v, text, known := g.measured(r, plug, g.over)
	if !known && failed == 0 {
		return "", false, false
	}
	verdict := "**FAIL**"
	if ok = known && g.sense.holds(v.Median(), g.done) && failed == 0; ok {
		verdict = "pass"
	}
	if !known {
		text = "no figure"
	}
	line = fmt.Sprintf("- %s (issue %s): %s, %s, %s: %s, %s **%v**", verdict, g.issue, g.of.proxy, g.of.workload, g.of.column, text, g.sense, g.done)
	if failed > 0 {
		line += fmt.Sprintf("; %d failed", failed)
	}
	return line + g.aim(r, plug, v) + g.neighbour(r), ok, true
}

// measured is what is compared with the limit, and its text.
func (g goal) measured(r results, plug stats.Series, over *point) (v stats.Series, text string, known bool) {
	if over == nil {
		return plug, plug.String(), len(plug.Taken()) > 0
	}
	at := *over
	if at.proxy == bestPeer {
		at.proxy = r.best(at, g.sense)
	}
	ref, _, known := r.series(at)
	if !known {
		return nil, "", false
	}
	whose := at.proxy
	if at.workload != g.of.workload {
		whose += ", " + at.workload
	}
	v = plug.Over(ref)
	return v, v.String() + " × " + whose, len(v) > 0
}

// aim says whether the desired limit was reached.
func (g goal) aim(r results, plug, v stats.Series) string {
	if g.aimed == 0 {
		return ""
	}
	text := fmt.Sprintf("; aimed at %v", g.aimed)
	if g.aimedAt != "" {
		at := *g.over
		at.proxy = g.aimedAt
		var known bool
		var ratio string
		if v, ratio, known = g.measured(r, plug, &at); !known {
			return ""
		}
		text += " × " + g.aimedAt + ", is " + ratio
	}
	if len(v.Taken()) > 0 && g.sense.holds(v.Median(), g.aimed) {
		return text + ": reached"
	}
	return text + ": not reached"
}

// neighbour is the figure that is printed next to the goal's.
func (g goal) neighbour(r results) string {
	at := g.of
	at.proxy = g.beside
	if s, _, known := r.series(at); known {
		return fmt.Sprintf("; beside it %s %s", g.beside, s)
	}
	return ""
}

// series returns a point's values, and how many sessions failed with them.
func (r results) series(at point) (s stats.Series, failed int64, known bool) {
	c := r[at.workload][at.proxy]
	if c == nil {
		return nil, 0, false
	}
	ws, err := parseWorkloads(at.workload)
	if err != nil {
		return nil, 0, false
	}
	i := ws[0].index(at.column)
	if i < 0 || i >= len(c.figures) {
		return nil, 0, false
	}
	return c.figures[i], c.failed, true
}

// best is the peer with the smallest median, or with the largest if more is
// better; "" if no peer was measured.
func (r results) best(at point, s sense) (name string) {
	var best float64
	for _, p := range proxy.Peers() {
		at.proxy = p.Name
		v, _, known := r.series(at)
		if !known || len(v.Taken()) == 0 {
			continue
		}
		if m := v.Median(); name == "" || s == atLeast && m > best || s != atLeast && m < best {
			name, best = p.Name, m
		}
	}
	return name
}
