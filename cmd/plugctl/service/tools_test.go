// Tests of the service files with real tools: shellcheck, shells, systemd,
// logrotate.

package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// put writes a rendered file for a tool.
func put(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func tool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s (Debian's %s)", name, debian)
	}
	return path
}

// worst is the plan with every optional part.
func worst(t *testing.T, manager, user string) string {
	t.Helper()
	return rendered(t, orderFor(t, manager, user, awkward(t, 80)...),
		checked{Source: "80", Pidfile: "/run/it's $x/pid", SessionLog: "/srv/{{Name}} %n/$x", Control: "/run/web/control"})
}

func TestShellcheck(t *testing.T) {
	shellcheck := tool(t, "shellcheck", "shellcheck")
	for _, manager := range []string{"openrc", "sysv", "rc"} {
		for name, text := range map[string]string{
			"plain": rendered(t, orderFor(t, manager, "www", "80", "10.0.0.1"), checked{Source: "80"}),
			"worst": worst(t, manager, ""),
		} {
			if out, err := exec.Command(shellcheck, put(t, manager, text)).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s, %s: %v\n%s", manager, name, err, out)
			}
		}
	}
}

// All installed shells can parse the scripts; FreeBSD's sh is similar to dash.
func TestShellsReadThem(t *testing.T) {
	for _, shell := range []string{"sh", "dash", "bash", "busybox"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		for _, manager := range []string{"openrc", "sysv", "rc"} {
			args := []string{"-n", put(t, manager, worst(t, manager, ""))}
			if shell == "busybox" {
				args = append([]string{"sh"}, args...)
			}
			if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
				t.Errorf("%s reads %s: %v\n%s", shell, manager, err, out)
			}
		}
	}
}

// most is the maximum exposure of a unit, on a scale to 10 (systemd-analyze
// security).
const most = 3.1

func TestSystemdAnalyze(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	for name, c := range map[string]struct {
		user  string
		c     checked
		level string // exposure in systemd 252, the version that README names
	}{
		"root":      {"", checked{Source: "80"}, "2.9"},
		"user":      {"www-data", checked{Source: "8080", Pidfile: "/run/web/pid", SessionLog: "/var/log/web/s"}, "1.5"},
		"low port":  {"www-data:adm", checked{Source: "80"}, "1.7"},
		"home, tmp": {"", checked{Source: "80", SessionLog: "/home/x/s", Pidfile: "/tmp/x"}, "3.1"},
	} {
		o := orderFor(t, "systemd", c.user, "80", "a b%n$x")
		o.program = "/bin/true" // verify needs an existing program
		file := put(t, "web.service", rendered(t, o, c.c))
		if out, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: verify: %v\n%s", name, err, out)
		}
		out, err := exec.Command(analyze, "security", "--offline=true", file).CombinedOutput()
		found := regexp.MustCompile(`Overall exposure level for \S+ (\d+\.\d)`).FindSubmatch(out)
		if err != nil || found == nil {
			t.Errorf("%s: security: %v\n%s", name, err, out)
			continue
		}
		if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level > most {
			t.Errorf("%s: exposed by %s, want at most %v\n%s", name, found[1], most, out)
		} else if version, _ := exec.Command(analyze, "--version").Output(); strings.HasPrefix(string(version), "systemd 252 ") && string(found[1]) != c.level {
			t.Errorf("%s: exposed by %s, and was by %s", name, found[1], c.level)
		} else {
			t.Logf("%s: exposed by %s", name, found[1])
		}
	}
}

func TestLogrotateReadsIt(t *testing.T) {
	logrotate := ""
	for _, path := range []string{"/usr/sbin/logrotate", "/usr/local/sbin/logrotate"} {
		if _, err := os.Stat(path); err == nil {
			logrotate = path
		}
	}
	if logrotate == "" {
		t.Skip("no logrotate (Debian's logrotate)")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "a b")
	if err := os.WriteFile(file, []byte("line\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := rotate(t, file)
	if err != nil {
		t.Fatal(err)
	}
	conf := put(t, "web", text)
	out, err := exec.Command(logrotate, "--force", "--state", filepath.Join(dir, "state"), conf).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is still there: not for the plug to make anew")
	}
	if rotated, err := os.ReadFile(file + ".1"); err != nil || !strings.HasPrefix(string(rotated), "line") {
		t.Errorf("%q, %v", rotated, err)
	}
}

func rotate(t *testing.T, file string) (string, error) {
	return logrotate(orderFor(t, "sysv", ""), &checked{SessionLog: file})
}
