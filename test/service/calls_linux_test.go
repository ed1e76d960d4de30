// A test that the systemd unit allows every system call that a plug makes.

package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// The unit that plugctl makes allows every system call that a plug makes: in
// its start, in pool workers with several sessions, in an upgrade. A filtered
// call fails with EPERM, which could go unnoticed.
func TestUnitAllowsSystemCalls(t *testing.T) {
	t.Parallel()
	strace, analyze := harness.Program(t, "strace"), harness.Program(t, "systemd-analyze")
	unit, err := exec.Command(harness.CtlProgram(t), "service", "install", "--name", "x", "--manager", "systemd", "--dry-run", "--user", "65534:65534",
		"--program", harness.Binary, "--", "--mode", "pool", "8080", "10.0.3.15").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch(string(unit), -1) {
		for _, set := range strings.Fields(line[2]) {
			for _, call := range systemCalls(t, analyze, set) {
				allowed[call] = line[1] == ""
			}
		}
	}
	if len(allowed) < 200 || allowed["reboot"] {
		t.Fatalf("%d system calls: this test has lost its eyes", len(allowed))
	}

	p := harness.Prepare(t, "pool", "--workers", "1", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	p.Install(harness.Stamped(t, harness.ThisVersion))
	trace := filepath.Join(p.Dir, "trace")
	p.Args = append([]string{"-n"}, p.Args...)
	p.Launch(func(c *exec.Cmd) {
		c.Path, c.Args = strace, append([]string{"strace", "-f", "-qq", "-o", trace, p.Bin}, p.Args...)
	})
	harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
	held := harness.Hold(t, p, 20)
	for range 20 {
		for _, c := range held {
			harness.MustPing(t, c)
		}
	}
	for _, c := range held {
		if err := harness.Finish(c); err != nil {
			t.Error(err)
		}
	}
	p.Lines(20)
	syscall.Kill(p.Master, syscall.SIGTERM) // strace passes no signals on
	p.Gone(harness.ServeBound)
	p.Wait(harness.ServeBound)
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\d+ +([a-z_0-9]+)\(`).FindAllStringSubmatch(string(text), -1) {
		if call := m[1]; !seen[call] {
			seen[call] = true
			if !allowed[call] {
				t.Errorf("the unit denies %s", call)
			}
		}
	}
	if !seen["execve"] || !seen["accept4"] || len(seen) < 40 {
		t.Errorf("%d system calls were seen", len(seen))
	}
}

// systemCalls are the system calls of a set, including nested sets, or the
// call itself.
func systemCalls(t *testing.T, analyze, set string) (calls []string) {
	t.Helper()
	if !strings.HasPrefix(set, "@") {
		return []string{set}
	}
	out, err := exec.Command(analyze, "syscall-filter", set).Output()
	if err != nil {
		t.Skipf("systemd-analyze syscall-filter %s: %v", set, err)
	}
	for line := range strings.Lines(string(out)) {
		word := strings.TrimSpace(line)
		if strings.HasPrefix(line, " ") && word != "" && !strings.HasPrefix(word, "#") {
			calls = append(calls, systemCalls(t, analyze, word)...)
		}
	}
	return calls
}
