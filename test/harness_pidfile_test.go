// Harness: reading the pidfile.

package test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// readPidfile reads the pidfile and checks its form: decimal PIDs, each ended
// by a newline, none twice, at least one.
func readPidfile(path string) ([]int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parsePids(string(b))
}

func parsePids(s string) ([]int, error) {
	if s == "" {
		return nil, errors.New("pidfile: empty")
	}
	var pids []int
	seen := map[int]bool{}
	for line := range strings.Lines(s) {
		digits, whole := strings.CutSuffix(line, "\n")
		pid, err := strconv.Atoi(digits)
		switch {
		case !whole:
			return nil, fmt.Errorf("pidfile: cut at %q", line)
		case err != nil || pid <= 0 || strconv.Itoa(pid) != digits:
			return nil, fmt.Errorf("pidfile: not a PID: %q", line)
		case seen[pid]:
			return nil, fmt.Errorf("pidfile: %d twice", pid)
		}
		seen[pid] = true
		pids = append(pids, pid)
	}
	return pids, nil
}

// pids returns the pidfile's content; a wrong form fails the test.
func (p *plug) pids() []int {
	p.t.Helper()
	pids, err := readPidfile(p.pidfile)
	if err != nil {
		p.t.Fatal(err)
	}
	return pids
}

// carriers waits until the pidfile lists n workers besides the master.
func (p *plug) carriers(n int) []int {
	p.t.Helper()
	var pids []int
	await(p.t, fmt.Sprintf("a pidfile of the master and %d workers", n), longWait, func() bool {
		pids = p.pids()
		return len(pids) == n+1
	})
	if pids[0] != p.master {
		p.t.Fatalf("line 1 is %d, the master is %d", pids[0], p.master)
	}
	return pids[1:]
}

func makeWritable(t testing.TB, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
}

func TestPidfileForm(t *testing.T) {
	for in, want := range map[string]string{
		"1\n":          "[1] <nil>",
		"12\n3\n":      "[12 3] <nil>",
		"":             "[] pidfile: empty",
		"12":           `[] pidfile: cut at "12"`,
		"12\n3":        `[] pidfile: cut at "3"`,
		"12\n\n":       `[] pidfile: not a PID: "\n"`,
		"012\n":        `[] pidfile: not a PID: "012\n"`,
		"-1\n":         `[] pidfile: not a PID: "-1\n"`,
		"7\n8\n7\n":    `[] pidfile: 7 twice`,
		"7 8\n":        `[] pidfile: not a PID: "7 8\n"`,
		"12\x00\x00\n": `[] pidfile: not a PID: "12\x00\x00\n"`,
	} {
		pids, err := parsePids(in)
		if got := fmt.Sprint(pids, " ", err); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
