// Tests of errors: usage errors, masters that do not answer, a full stdout.

package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUsageErrors: an error in a command line is reported in one line, with
// the value and what would be right, and no master is asked.
func TestUsageErrors(t *testing.T) {
	f := fakeMaster(t, table)
	for line, want := range map[string]string{
		"":                                `missing command after "plugctl"`,
		"sesions":                         `plugctl has no command "sesions"`,
		"target":                          `missing command after "plugctl target"`,
		"target kill x":                   `plugctl target has no command "kill"`,
		"target disable":                  "plugctl target disable: missing argument; expected TARGET",
		"status now":                      `plugctl status: unexpected argument "now"; expected none`,
		"status --sort id":                "plugctl status has no flag --sort",
		"sessions --sort size":            "expected one of id, pid, client",
		"sessions --client nobody":        `--client "nobody": must be an address or a network`,
		"sessions --state x":              "expected one of connecting",
		"sessions --older-than yesterday": "expected a time above 0",
		"sessions --pid 0":                `expected a PID, not "0"`,
		"target drain a b":                `target drain: unexpected argument "b"; expected only TARGET`,
		"sessions --sort":                 "--sort: no value given; expected KEY",
		"status -s":                       "--control: no value given; expected PATH",
		"metrics now":                     `plugctl metrics: unexpected argument "now"`,
		"service status now":              `plugctl service status: unexpected argument "now"`,
		"kill 4711":                       `"4711" is not a session ID; expected one as in 1-8-2, or --pid 4711`,
		"sessions --id 4711":              `--id "4711": "4711" is not a session ID`,
		"kill":                            "no sessions selected; expected IDs, filters or --all",
		"kill --dry-run":                  "no sessions selected",
		"kill --all 1-2-3":                "--all cannot be combined with IDs or other filters",
		"kill --all --client ::1":         "--all cannot be combined with IDs or other filters",
		"log-level 3":                     `plugctl log-level: "3" is not one of 0, 1, 2`,
		"log-level -1":                    "plugctl log-level has no flag -1",
		"status --timeout 0":              `--timeout "0": expected a time above 0`,
		"completion tcsh":                 `plugctl completion: "tcsh" is not one of bash, zsh, fish`,
		"top --count 3":                   "--count needs --json",
		"status -P x":                     "and -P x: name one plug; only metrics takes several",
	} {
		status, stdout, stderr := plugctl(append([]string{"-s", f.path}, strings.Fields(line)...)...)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "plugctl: ") || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d, %q, %q; want %q", line, status, stdout, stderr, want)
		}
		if strings.Count(stderr, "\n") != 2 || !strings.Contains(stderr, "\nusage: plugctl ") {
			t.Errorf("%s: want a line of reason and one of usage, not %q", line, stderr)
		}
	}
	if asked := f.last(); asked.Verb != "" {
		t.Errorf("the master was asked: %+v", asked)
	}
}

// TestAway: the error names the master that does not exist or does not answer;
// the status says that nothing is known to be done.
func TestAway(t *testing.T) {
	dir := t.TempDir()
	path := func(name, content string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	mute, err := net.Listen("unix", filepath.Join(dir, "mute"))
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for want, args := range map[string][]string{
		"no such file or directory":                                   {"-s", filepath.Join(dir, "none")},
		"no plug is listening on this socket":                         {"-s", deaf(t, dir)},
		"not a socket; expected the path that":                        {"-s", path("file", "")},
		"no answer within 1s: the master is stopped":                  {"-s", filepath.Join(dir, "mute"), "--timeout", "1"},
		"no such pidfile":                                             {"-P", filepath.Join(dir, "none")},
		"expected the master's PID in the first line, not \"plug\"":   {"-P", path("words", "plug")},
		"expected the master's PID in the first line, not \"\"":       {"-P", path("empty", "")},
		"expected the master's PID in the first line, not \"12\"":     {"-P", path("cut", "12")},
		"expected the master's PID in the first line, not \"-12\\n\"": {"-P", path("minus", "-12\n")},
	} {
		begun := time.Now()
		status, stdout, stderr := plugctl(append(args, "status")...)
		if status != exitAway || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d, %q, %q; want %q", args, status, stdout, stderr, want)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%q: it took %v", args, took)
		}
	}
}

// deaf returns a socket on which no process listens.
func deaf(t *testing.T, dir string) string {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "deaf"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	return filepath.Join(dir, "deaf")
}

// Output that cannot be written is an error.
func TestFullStdout(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, line := range []string{"--help", "-V", "status --help", "help kill", "kill -h", "completion bash", "completion zsh", "completion fish"} {
		var errs bytes.Buffer
		status := (&ctl{stdout: full, stderr: &errs, now: time.Now}).run(strings.Fields(line))
		if status != exitFailed || !strings.HasPrefix(errs.String(), "plugctl: stdout: ") || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: status %d, %q", line, status, errs.String())
		}
	}
}
