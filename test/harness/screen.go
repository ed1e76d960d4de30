// Harness: a terminal's screen (tmux).

package harness

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Screen is a terminal of tmux, on its own server.
type Screen struct {
	T    testing.TB
	tmux string
	name string
}

// OpenScreen runs a shell command on a screen of 80×24, which remains when the
// command has ended.
func OpenScreen(t testing.TB, dir, command string) *Screen {
	t.Helper()
	s := &Screen{t, Program(t, "tmux"), dir + "/tmux"}
	s.Do("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", command+"; cat")
	t.Cleanup(func() { s.Do("kill-server") })
	return s
}

// Do runs a command of tmux, and returns its output.
func (s *Screen) Do(args ...string) string {
	s.T.Helper()
	cmd := exec.Command(s.tmux, append([]string{"-S", s.name}, args...)...)
	cmd.Env = []string{"TERM=screen", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "SHELL=/bin/sh"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.T.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// Keys presses keys, by the names that tmux has for them.
func (s *Screen) Keys(keys ...string) { s.T.Helper(); s.Do(append([]string{"send-keys"}, keys...)...) }

// Lines are the lines that the screen shows.
func (s *Screen) Lines() []string {
	s.T.Helper()
	return strings.Split(strings.TrimSuffix(s.Do("capture-pane", "-p"), "\n"), "\n")
}

// Shows waits until a line matches.
func (s *Screen) Shows(pattern string) {
	s.T.Helper()
	s.Becomes(pattern, func(lines []string) bool { return slices.ContainsFunc(lines, regexp.MustCompile(pattern).MatchString) })
}

// Becomes waits until cond holds for the lines; what says for what.
func (s *Screen) Becomes(what string, cond func(lines []string) bool) {
	s.T.Helper()
	if !HoldsWithin(TalkBound, func() bool { return cond(s.Lines()) }) {
		s.T.Fatalf("waited %v in vain for %s on\n%s", TalkBound, what, strings.Join(s.Lines(), "\n"))
	}
}
