// Tests of tally.

package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// The output of go test -json, with the fields that tally reads.
const (
	passes = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1}
`
	subtests = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"run","Package":"p","Test":"TestA/y"}
{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA/y","Output":"    a_test.go:1: boom\n"}
{"Action":"fail","Package":"p","Test":"TestA/y"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
`
	skips = `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:2: needs root\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}
`
	noBuild = `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}
`
	panicInMain = `{"Action":"output","Package":"p","Output":"panic: in TestMain\n"}
{"Action":"fail","Package":"p"}
`
	timedOut = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"p"}
`
	parentToo = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: leaked\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
`
	noTests = `{"Action":"skip","Package":"p"}
`
)

func TestTally(t *testing.T) {
	for _, c := range []struct {
		name   string
		input  string
		exit   int
		last   string
		says   []string
		silent []string
	}{
		{"passes", passes, 0, "1 passed, 0 failed, 0 skipped", []string{"ok    p"}, nil},
		{"a subtest fails", subtests, 1, "1 passed, 1 failed, 0 skipped", []string{"--- p TestA/y", "boom"}, []string{"--- p TestA\n"}},
		{"a skip beside a pass", passes + skips, 0, "1 passed, 0 failed, 1 skipped", []string{"p TestA: a_test.go:2: needs root"}, nil},
		{"skips alone are no success", skips, 1, "0 passed, 0 failed, 1 skipped", nil, nil},
		{"does not build", passes + noBuild, 1, "1 passed, 1 failed, 0 skipped", []string{"undefined: x"}, nil},
		{"panics outside of tests", panicInMain, 1, "0 passed, 1 failed, 0 skipped", []string{"panic: in TestMain"}, nil},
		{"runs out of time", timedOut, 1, "0 passed, 1 failed, 0 skipped", []string{"--- p\npanic: test timed out"}, nil},
		{"a parent fails by itself", parentToo, 1, "1 passed, 1 failed, 0 skipped", []string{"--- p TestA\n", "leaked"}, nil},
		{"no tests", noTests, 1, "0 passed, 0 failed, 0 skipped", []string{"no test ran"}, nil},
		{"other text is passed on", "make: hello\n" + passes, 0, "1 passed, 0 failed, 0 skipped", []string{"make: hello"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tl tally
			var out strings.Builder
			tl.begin()
			for line := range strings.Lines(c.input) {
				tl.line([]byte(line), &out)
			}
			if exit := tl.finish(&out); exit != c.exit {
				t.Errorf("exit %d, want %d", exit, c.exit)
			}
			lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
			if last := lines[len(lines)-1]; last != c.last {
				t.Errorf("last line %q, want %q", last, c.last)
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("does not say %q:\n%s", s, out.String())
				}
			}
			for _, s := range c.silent {
				if strings.Contains(out.String(), s) {
					t.Errorf("says %q:\n%s", s, out.String())
				}
			}
		})
	}
}

// A command that fails without naming a failed test counts as one failure.
func TestCommandFailure(t *testing.T) {
	var tl tally
	tl.begin()
	tl.line([]byte(strings.SplitAfter(passes, "\n")[1]), &strings.Builder{})
	tl.commandFailed("go test", errors.New("exit status 1"))
	var out strings.Builder
	if tl.finish(&out) != 1 || !strings.HasSuffix(out.String(), "1 passed, 1 failed, 0 skipped\n") {
		t.Errorf("got:\n%s", out.String())
	}
	if err := run(&tl, []string{"go", "no-such-command"}); err == nil {
		t.Error("a failing command gave no error")
	} else if _, ok := err.(*exec.ExitError); !ok {
		t.Errorf("got %v", err)
	}
}

func TestSplit(t *testing.T) {
	got := split([]string{"a", "b", "--", "--", "c"})
	if len(got) != 2 || len(got[0]) != 2 || got[1][0] != "c" {
		t.Errorf("got %v", got)
	}
}
