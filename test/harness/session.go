// Harness: reading the session file.

package harness

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// SessionLine is a line of the -S file, field by field.
type SessionLine struct {
	Ended                time.Time
	PID                  int
	Listen, Peer, Target string
	In, Out              int64
	Took                 time.Duration
}

var sessionForm = regexp.MustCompile(`^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] plug\[(\d+)\] (\S+) (\S+) (\S+) (\d+) (\d+) (\d+)$`)

// ParseSessionLine parses a line of the session file, without its newline.
func ParseSessionLine(s string) (SessionLine, error) {
	m := sessionForm.FindStringSubmatch(s)
	if m == nil {
		return SessionLine{}, fmt.Errorf("not a session line: %q", s)
	}
	at, err := time.ParseInLocation(time.DateTime, m[1], time.Local)
	if err != nil {
		return SessionLine{}, fmt.Errorf("session line %q: %w", s, err)
	}
	l := SessionLine{Ended: at, Listen: m[3], Peer: m[4], Target: m[5]}
	l.PID, _ = strconv.Atoi(m[2])
	l.In, _ = strconv.ParseInt(m[6], 10, 64)
	l.Out, _ = strconv.ParseInt(m[7], 10, 64)
	usec, _ := strconv.ParseInt(m[8], 10, 64)
	l.Took = time.Duration(usec) * time.Microsecond
	return l, nil
}

// ParseSessions reads complete lines. An incomplete one at the end is an
// error, too, if it stays: if a line does not fit, its beginning is there for
// a short time, before it is removed.
func ParseSessions(t testing.TB, path string) []SessionLine {
	t.Helper()
	var b []byte
	HoldsWithin(time.Second, func() bool {
		var err error
		if b, err = os.ReadFile(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return len(b) == 0 || b[len(b)-1] == '\n'
	})
	var lines []SessionLine
	for s := range strings.Lines(string(b)) {
		if !strings.HasSuffix(s, "\n") {
			t.Fatalf("%s ends inside a line: %q", path, s)
		}
		l, err := ParseSessionLine(strings.TrimSuffix(s, "\n"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// Lines waits for n session lines, and checks that there are no more.
func (p *Plug) Lines(n int) []SessionLine {
	p.T.Helper()
	bound := 5*time.Second + time.Duration(n)*time.Millisecond
	var lines []SessionLine
	if !HoldsWithin(bound, func() bool {
		lines = ParseSessions(p.T, p.Sessions)
		return len(lines) >= n
	}) {
		p.T.Fatalf("after %v there are %d session lines, not %d: %v", bound, len(lines), n, Last(lines, 3))
	}
	if len(lines) > n {
		p.T.Fatalf("%d session lines for %d sessions: %v", len(lines), n, Last(lines, 3))
	}
	return lines
}

// Last returns the last n elements, or all if there are fewer.
func Last[T any](s []T, n int) []T { return s[max(0, len(s)-n):] }
