// Harness: a system in which services can be installed without a risk.

package service

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// system is where a service's files go: for all programs that run in it,
// directories of the test replace the real ones. Nothing in the real system is
// changed, and none of its services can be started.
type system struct {
	t    testing.TB
	dir  string
	path string // PATH; the test may put its own programs before the system's
}

func newSystem(t testing.TB) *system {
	t.Helper()
	harness.NeedRoot(t)
	harness.Program(t, "unshare")
	s := &system{t: t, dir: harness.OpenDir(t), path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, d := range harness.SystemDirs {
		if err := os.MkdirAll(s.dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// file is the real location of a path in that system.
func (s *system) file(path string) string { return s.dir + path }

func (s *system) write(path, content string, mode os.FileMode) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.file(path)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.file(path), []byte(content), mode); err != nil {
		s.t.Fatal(err)
	}
}

// run runs a command there, and returns its output and its exit status.
func (s *system) run(command ...string) (said string, status int) {
	s.t.Helper()
	const enter = `for d in $OURS; do if [ -d "$d" ]; then mount --bind "$BELOW$d" "$d" || exit 120; fi; done; unset OURS BELOW; exec "$@"`
	c := exec.Command("unshare", append([]string{"--mount", "sh", "-c", enter, "sh"}, command...)...)
	c.Env = []string{"PATH=" + s.path, "OURS=" + strings.Join(harness.SystemDirs, " "), "BELOW=" + s.dir, "TERM=dumb", "HOME=/"}
	c.Dir = "/"
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%q: %v", command, err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// must runs a command that must succeed.
func (s *system) must(command ...string) string {
	s.t.Helper()
	said, status := s.run(command...)
	if status != 0 {
		s.t.Fatalf("%q: exit status %d\n%s", command, status, said)
	}
	return said
}

// refuses runs a command that must fail with this message.
func (s *system) refuses(want string, command ...string) {
	s.t.Helper()
	said, status := s.run(command...)
	if status == 0 || !strings.Contains(said, want) {
		s.t.Errorf("%q: exit status %d, want another than 0 and %q in\n%s", command, status, want, said)
	}
}
