// Tests of make install, make uninstall and version strings.

package test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// tree is a copy of the source, which can be built and changed.
func tree(t testing.TB) string {
	t.Helper()
	dir := harness.OpenDir(t)
	files, err := exec.Command("git", "-C", "..", "ls-files", "-co", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("not a clone: %v", err)
	}
	for name := range strings.Lines(string(files)) {
		name = strings.TrimSuffix(name, "\n")
		if strings.HasPrefix(name, "test/bench") {
			continue
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mustRun runs a command in a directory, with additional environment
// variables.
func mustRun(t testing.TB, dir string, env []string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}

// withoutGo is a PATH with everything that make install needs, but without Go.
func withoutGo(t testing.TB) string {
	t.Helper()
	dir := harness.OpenDir(t)
	for _, name := range []string{"sh", "install", "find", "head", "git", "sed", "rm", "rmdir", "make"} {
		if err := os.Symlink(harness.Program(t, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return "PATH=" + dir
}

func filesBelow(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// make install installs what was built, byte for byte, without Go; make
// uninstall removes all of it.
func TestMakeInstall(t *testing.T) {
	t.Parallel()
	harness.Program(t, "make")
	dir, to, path := tree(t), harness.OpenDir(t), withoutGo(t)
	cmd := exec.Command("make", "install", "DESTDIR="+to)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), path)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "bin/plug is not built; run make first") {
		t.Errorf("nothing is built: %v\n%s", err, out)
	}
	mustRun(t, dir, nil, "make", "RELEASE=9.8.7")
	said := mustRun(t, dir, []string{path}, "make", "install", "DESTDIR="+to)
	if strings.Contains(said, "older than") {
		t.Errorf("%s", said)
	}
	want := []string{"/usr/local/sbin/plug", "/usr/local/sbin/plugctl", "/usr/local/share/bash-completion/completions/plugctl",
		"/usr/local/share/doc/plugdaemon/LICENSE", "/usr/local/share/doc/plugdaemon/NOTICES", "/usr/local/share/fish/vendor_completions.d/plugctl.fish",
		"/usr/local/share/man/man5/plug.hcl.5", "/usr/local/share/man/man8/plug.8", "/usr/local/share/man/man8/plugctl.8", "/usr/local/share/zsh/site-functions/_plugctl"}
	if got := filesBelow(t, to); !slices.Equal(got, want) {
		t.Errorf("installed %q, want %q", got, want)
	}
	for _, name := range []string{"plug", "plugctl"} {
		built, err := os.ReadFile(filepath.Join(dir, "bin", name))
		installed, err2 := os.ReadFile(filepath.Join(to, "usr/local/sbin", name))
		if err != nil || err2 != nil || !bytes.Equal(built, installed) {
			t.Errorf("%s is not what was built (%v, %v)", name, err, err2)
		}
	}
	mustRun(t, dir, []string{path}, "make", "uninstall", "DESTDIR="+to)
	if left := filesBelow(t, to); len(left) > 0 {
		t.Errorf("uninstall leaves %q", left)
	}
	if help := mustRun(t, dir, []string{path}, "make", "help"); !strings.Contains(help, "make uninstall") || !strings.Contains(help, "DESTDIR") {
		t.Errorf("%s", help)
	}
}

// A version says what it was built from: -dev before the release, the
// revision, -dirty if the tree was changed. Source and CHANGELOG agree on it.
func TestVersionSaysItsSource(t *testing.T) {
	t.Parallel()
	release := regexp.MustCompile(`(?m)^RELEASE *= *(\S+)$`).FindStringSubmatch(harness.ReadString("../Makefile"))[1]
	unreleased := strings.Contains(harness.ReadString("../CHANGELOG.md"), "## "+strings.TrimSuffix(release, "-dev")+" (unreleased)")
	if strings.HasSuffix(release, "-dev") != unreleased {
		t.Errorf("the Makefile has %s; CHANGELOG.md says unreleased: %v", release, unreleased)
	}
	for _, file := range []string{"../cmd/plug/commandline.go", "../cmd/plugctl/main.go"} {
		if !strings.Contains(harness.ReadString(file), `var version = "`+release+`"`) {
			t.Errorf("%s: another version than %s", file, release)
		}
	}
	harness.Program(t, "make")
	dir := tree(t)
	git := []string{"git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "x"}} {
		mustRun(t, dir, nil, append(slices.Clone(git), args...)...)
	}
	// -n: what it would build is enough, and takes no time.
	version := func() string {
		line := mustRun(t, dir, nil, "make", "-n", "bin/plug")
		return regexp.MustCompile(`main\.version=(\S+?)"`).FindStringSubmatch(line)[1]
	}
	revision := strings.TrimSpace(mustRun(t, dir, nil, "git", "rev-parse", "--short", "HEAD"))
	if got, want := version(), release+"+"+revision; got != want {
		t.Errorf("clean: %s, want %s", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := version(), release+"+"+revision+"-dirty"; got != want {
		t.Errorf("changed: %s, want %s", got, want)
	}
}
