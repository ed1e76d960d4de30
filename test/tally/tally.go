// Reading the output of go test -json, and the result.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json), with the build events
// of Go 1.24 and later (go help buildjson).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// result is one test of one command, or with an empty name one package.
type result struct {
	output strings.Builder
	parent bool // has subtests, which are counted instead of it
	failed bool // a test inside has failed, which is counted instead
	ended  bool
}

type tally struct {
	running map[string]*result // tests of the current command, by package and test

	passed, failed, skipped int
	commandFailures         int // failures that the current command has reported
	failures, skips         []string
}

// begin forgets the tests of the previous command: the next one may run the
// same tests again.
func (t *tally) begin() {
	t.running = map[string]*result{}
	t.commandFailures = 0
}

// line handles one line of a command's output; a line that is not an event is
// passed on.
func (t *tally) line(b []byte, w io.Writer) {
	var e event
	if json.Unmarshal(b, &e) != nil || e.Action == "" {
		w.Write(b)
		return
	}
	switch e.Action {
	case "output":
		t.at(e.Package, e.Test).output.WriteString(e.Output)
	case "build-output":
		t.at(e.ImportPath, "").output.WriteString(e.Output)
	case "run":
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
			t.at(e.Package, e.Test[:i]).parent = true
		}
	case "pass", "fail", "skip":
		if e.Test != "" {
			t.test(e)
		} else {
			t.pack(e, w)
		}
	}
}

// test counts a test that has ended.
func (t *tally) test(e event) {
	r := t.at(e.Package, e.Test)
	r.ended = true
	name := e.Package + " " + e.Test
	switch {
	case e.Action == "fail":
		t.at(e.Package, "").failed = true
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
			t.at(e.Package, e.Test[:i]).failed = true
		}
		if !r.parent || !r.failed {
			t.fail(name, r.output.String())
		} else if s := said(r.output.String()); s != "" {
			t.failures = append(t.failures, "    "+name+" says beside its subtests:\n"+s)
		}
	case r.parent:
	case e.Action == "skip":
		t.skipped++
		t.skips = append(t.skips, name+": "+reason(r.output.String()))
	default:
		t.passed++
	}
}

// pack ends a package. A package fails itself if it cannot be built, panics or
// exceeds its time; then the output of its unfinished tests belongs to it.
func (t *tally) pack(e event, w io.Writer) {
	r := t.at(e.Package, "")
	if e.Action == "fail" && !r.failed {
		out := t.unfinished(e.Package) + r.output.String()
		if e.FailedBuild != "" {
			out = t.at(e.FailedBuild, "").output.String() + out
		}
		t.fail(e.Package, out)
	}
	if e.Action != "skip" {
		fmt.Fprintf(w, "%-4s  %-40s %6.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
	}
}

// unfinished is the output of a package's tests that did not end.
func (t *tally) unfinished(pkg string) string {
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(t.running)) {
		r := t.running[key]
		if strings.HasPrefix(key, pkg+" ") && key != pkg+" " && !r.ended {
			out.WriteString(r.output.String())
		}
	}
	return out.String()
}

func (t *tally) fail(name, output string) {
	t.failed++
	t.commandFailures++
	t.failures = append(t.failures, "--- "+name+"\n"+strings.TrimRight(output, "\n"))
}

// commandFailed counts a command's failure, unless a test's failure explains
// it.
func (t *tally) commandFailed(name string, err error) {
	if t.commandFailures == 0 {
		t.fail(name, err.Error())
	}
}

// finish prints the results and returns the exit status.
func (t *tally) finish(w io.Writer) int {
	if len(t.skips) > 0 {
		fmt.Fprintf(w, "\nSkipped:\n")
		for _, s := range t.skips {
			fmt.Fprintf(w, "  %s\n", s)
		}
	}
	if len(t.failures) > 0 {
		fmt.Fprintf(w, "\nFailed:\n")
		for _, f := range t.failures {
			fmt.Fprintln(w, f)
		}
	}
	if t.passed+t.failed == 0 {
		fmt.Fprintln(w, "no test ran")
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 || t.passed == 0 {
		return 1
	}
	return 0
}

func (t *tally) at(pkg, test string) *result {
	key := pkg + " " + test
	if t.running[key] == nil {
		t.running[key] = &result{}
	}
	return t.running[key]
}

// said is a test's output without the lines that go test adds.
func said(output string) string {
	var kept []string
	for _, l := range strings.Split(output, "\n") {
		s := strings.TrimSpace(l)
		if s == "" || strings.HasPrefix(s, "=== ") || strings.HasPrefix(s, "--- ") {
			continue
		}
		kept = append(kept, l)
	}
	return strings.Join(kept, "\n")
}

// reason is the reason that a skipped test gave, on one line.
func reason(output string) string {
	if s := strings.Join(strings.Fields(said(output)), " "); s != "" {
		return s
	}
	return "no reason given"
}
