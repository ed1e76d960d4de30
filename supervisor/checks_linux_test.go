// Helpers that check values, the texts of errors and the lines of logs.

package supervisor

import (
	"strings"
	"sync"
	"testing"
)

// logLines holds the lines of a log.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (s *logLines) add(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, text, ok := strings.Cut(string(p), "]: ")
	if !ok {
		text = string(p)
	}
	s.lines = append(s.lines, text)
}

func (s *logLines) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// has reports whether a line contains the text.
func (s *logLines) has(text string) bool { return s.count(text) > 0 }

// count returns how many lines contain the text.
func (s *logLines) count(text string) (n int) {
	for _, line := range s.all() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// syslogged returns the lines that the syslog has.
func (s *testMaster) syslogged() []string {
	s.t.Helper()
	if !s.syslog.Sink.Flush(patience) {
		s.t.Fatal("log lines are not written")
	}
	return s.syslogLines.all()
}

// checkEqual checks one value.
func checkEqual[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// checkLoggedOnce checks that one line of the syslog contains the text.
func (s *testMaster) checkLoggedOnce(text string) {
	s.t.Helper()
	all := s.syslogged()
	if n := s.syslogLines.count(text); n != 1 {
		s.t.Errorf("%q is logged %d times, want once: %q", text, n, all)
	}
}

// checkLine checks that there is exactly one line, and that it contains the text. If the
// text is empty, there must be no line.
func checkLine(t testing.TB, what string, lines []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(lines) > 0:
		t.Errorf("%s: %q, want no line", what, lines)
	case want != "" && len(lines) != 1:
		t.Errorf("%s: %d lines, want 1: %q", what, len(lines), lines)
	case want != "" && !strings.Contains(lines[0], want):
		t.Errorf("%s: %q, want %q", what, lines[0], want)
	}
}

// checkError checks that an error contains the text, or that there is none if the
// text is empty.
func checkError(t testing.TB, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != "" && err == nil:
		t.Errorf("%s: no error, want %q", what, want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}
