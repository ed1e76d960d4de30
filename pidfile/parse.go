// Reading a pidfile's content.

package pidfile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Parse reads a pidfile's content: one decimal PID per line, each line ended
// by a newline, the master first. It is an error if the content is empty,
// truncated (no newline at the end) or contains anything else. Blank lines at
// the end are accepted, since a file that is rewritten in place has them while
// it shrinks.
func Parse(b []byte) ([]int, error) {
	if len(b) == 0 {
		return nil, errors.New("pidfile is empty")
	}
	if b[len(b)-1] != '\n' {
		return nil, errors.New("pidfile is truncated: no newline at its end")
	}
	b = bytes.TrimRight(b, "\n")
	pids := make([]int, 0, bytes.Count(b, []byte{'\n'})+1)
	for line := range bytes.SplitSeq(b, []byte{'\n'}) {
		pid, ok := parsePID(line)
		if !ok {
			return nil, fmt.Errorf("pidfile line %d: %.20q is not a PID", len(pids)+1, line)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// parsePID accepts only what Write writes: digits, the first not 0, within
// pid_t.
func parsePID(line []byte) (int, bool) {
	if len(line) == 0 || line[0] == '0' {
		return 0, false
	}
	pid := 0
	for _, c := range line {
		if c < '0' || c > '9' {
			return 0, false
		}
		if pid = pid*10 + int(c-'0'); pid > math.MaxInt32 {
			return 0, false
		}
	}
	return pid, true
}
