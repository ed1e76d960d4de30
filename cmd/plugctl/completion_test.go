package main

import (
	"os/exec"
	"strings"
	"testing"

	"daemon/plug/supervisor/control"
)

// TestCompletion: targets and ids come from the master that the line names;
// where there is none, nothing is offered, and nothing is said.
func TestCompletion(t *testing.T) {
	hostile := one
	hostile.ID = "9\n--all"
	f := fakeMaster(t, map[control.Verb][]control.Reply{
		control.GetTargets:  table[control.GetTargets],
		control.GetSessions: {{Sessions: []control.Session{one, hostile}}},
	})
	for line, want := range map[string]string{
		"target disable ":               "10.0.3.15:119\tgood\n:4\n",
		"target disable 10.0.3.15:119 ": ":4\n",
		"kill ":                         "1-0-2\t10.1.2.3:33609 to 10.0.3.15:119\n" + `9\n--all` + "\t10.1.2.3:33609 to 10.0.3.15:119\n:4\n",
		"log-level ":                    "0\n1\n2\n:4\n",
		"completion ":                   "bash\nzsh\nfish\n:4\n",
		"-s " + t.TempDir() + "/none target drain ": ":4\n",
	} {
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		if !strings.HasPrefix(line, "-s") {
			args = append([]string{"__complete", "-s", f.path}, args[1:]...)
		}
		if _, stdout, _ := plugctl(args...); stdout != want {
			t.Errorf("%q: %q, want %q", line, stdout, want)
		}
	}
}

// TestCompletionScripts: each shell that is installed can read its script.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		status, script, stderr := plugctl("completion", shell)
		if status != 0 || stderr != "" || !strings.Contains(script, "plugctl") {
			t.Errorf("%s: %d, %q, %d bytes", shell, status, stderr, len(script))
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		cmd := exec.Command(path, "-n", "/dev/stdin")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v: %s", shell, err, out)
		}
	}
}
