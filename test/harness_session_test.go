// Harness: reading the session file.

package test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sessionLine is a line of the -S file, field by field.
type sessionLine struct {
	ended                time.Time
	pid                  int
	listen, peer, target string
	in, out              int64
	took                 time.Duration
}

var sessionForm = regexp.MustCompile(`^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] plug\[(\d+)\] (\S+) (\S+) (\S+) (\d+) (\d+) (\d+)$`)

func parseSessionLine(s string) (sessionLine, error) {
	m := sessionForm.FindStringSubmatch(s)
	if m == nil {
		return sessionLine{}, fmt.Errorf("not a session line: %q", s)
	}
	at, err := time.ParseInLocation(time.DateTime, m[1], time.Local)
	if err != nil {
		return sessionLine{}, fmt.Errorf("session line %q: %w", s, err)
	}
	l := sessionLine{ended: at, listen: m[3], peer: m[4], target: m[5]}
	l.pid, _ = strconv.Atoi(m[2])
	l.in, _ = strconv.ParseInt(m[6], 10, 64)
	l.out, _ = strconv.ParseInt(m[7], 10, 64)
	usec, _ := strconv.ParseInt(m[8], 10, 64)
	l.took = time.Duration(usec) * time.Microsecond
	return l, nil
}

// parseSessions reads complete lines. An incomplete one at the end is an
// error, too, if it stays: if a line does not fit, its beginning is there for
// a short time, before it is removed.
func parseSessions(t testing.TB, path string) []sessionLine {
	t.Helper()
	var b []byte
	holdsWithin(time.Second, func() bool {
		var err error
		if b, err = os.ReadFile(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return len(b) == 0 || b[len(b)-1] == '\n'
	})
	var lines []sessionLine
	for s := range strings.Lines(string(b)) {
		if !strings.HasSuffix(s, "\n") {
			t.Fatalf("%s ends inside a line: %q", path, s)
		}
		l, err := parseSessionLine(strings.TrimSuffix(s, "\n"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// lines waits for n session lines, and checks that there are no more.
func (p *plug) lines(n int) []sessionLine {
	p.t.Helper()
	bound := 5*time.Second + time.Duration(n)*time.Millisecond
	var lines []sessionLine
	if !holdsWithin(bound, func() bool {
		lines = parseSessions(p.t, p.sessions)
		return len(lines) >= n
	}) {
		p.t.Fatalf("after %v there are %d session lines, not %d: %v", bound, len(lines), n, last(lines, 3))
	}
	if len(lines) > n {
		p.t.Fatalf("%d session lines for %d sessions: %v", len(lines), n, last(lines, 3))
	}
	return lines
}

func last[T any](s []T, n int) []T { return s[max(0, len(s)-n):] }
