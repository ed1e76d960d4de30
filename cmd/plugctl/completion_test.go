// Tests of shell completion.

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// TestCompletion: targets and IDs come from the master that the command line
// names; without a master, nothing is offered or printed.
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
		"sessions --state ":             strings.Join(pick.States, "\n") + "\n:4\n",
		"top --sort ":                   strings.Join(show.SortKeys(), "\n") + "\n:4\n",
		"kill --target ":                "10.0.3.15:119\tgood\n:4\n",
		"kill --id ":                    "1-0-2\t10.1.2.3:33609 to 10.0.3.15:119\n" + `9\n--all` + "\t10.1.2.3:33609 to 10.0.3.15:119\n:4\n",
		"sessions --pid ":               "4750\tworker\n:4\n",
		"sessions --client ":            "10.1.2.3:33609\tclient\n:4\n",
		"sessions --worker-version ":    one.Build + "\tversion\n:4\n",
		"service install --manager ":    "systemd\nopenrc\nsysv\nrc\n:4\n",
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

// TestCompletionScripts: each installed shell can read its script.
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

// In bash, an IPv6 target is completed whether or not its bracket was typed
// with a backslash.
func TestCompletionOfABracket(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	_, script, _ := plugctl("completion", "bash")
	for _, typed := range []string{`[`, `[2001`, `\[`, `\[2001`} {
		cmd := exec.Command(bash, "-c", `
			plugctl() { printf '[2001:db8::1]:80\tgood\n10.0.3.15:80\tgood\n:4\n'; }
			_init_completion() { cur=$typed words=(plugctl target disable "$typed") cword=3; }
			. /dev/stdin
			COMP_LINE="plugctl target disable $typed" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
			__start_plugctl 2>/dev/null
			printf '%s\n' "${COMPREPLY[@]}"`)
		cmd.Env = append(os.Environ(), "typed="+typed)
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.Output(); err != nil || string(out) != `\[2001:db8::1\]:80`+"\n" {
			t.Errorf("%s: %q, %v", typed, out, err)
		}
	}
}
