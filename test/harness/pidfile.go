// Harness: reading the pidfile.

package harness

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// ReadPidfile reads the pidfile and checks its form: decimal PIDs, each ended
// by a newline, none twice, at least one.
func ReadPidfile(path string) ([]int, error) {
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

// PIDs returns the pidfile's content; a wrong form fails the test.
func (p *Plug) PIDs() []int {
	p.T.Helper()
	pids, err := ReadPidfile(p.Pidfile)
	if err != nil {
		p.T.Fatal(err)
	}
	return pids
}

// Carriers waits until the pidfile lists n workers besides the master.
func (p *Plug) Carriers(n int) []int {
	p.T.Helper()
	var pids []int
	Await(p.T, fmt.Sprintf("a pidfile of the master and %d workers", n), LongWait, func() bool {
		pids = p.PIDs()
		return len(pids) == n+1
	})
	if pids[0] != p.Master {
		p.T.Fatalf("line 1 is %d, the master is %d", pids[0], p.Master)
	}
	return pids[1:]
}

// MakeWritable gives all users all rights to a file or directory.
func MakeWritable(t testing.TB, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
}
