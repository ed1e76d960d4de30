// Harness: running plugctl.

package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// ctlRun is the output of a run of plugctl, and its exit status.
type ctlRun struct {
	stdout, stderr string
	status         int
}

// ctlProgram is the client under test.
func ctlProgram(t testing.TB) string {
	t.Helper()
	return once(t, "plugctl", nil, "-trimpath", "daemon/plug/cmd/plugctl")
}

// runCtl runs plugctl in a directory.
func runCtl(t testing.TB, dir string, args ...string) ctlRun {
	t.Helper()
	cmd := exec.Command(ctlProgram(t), args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ctlRun{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ctlTry runs plugctl for this plug.
func (p *plug) ctlTry(args ...string) ctlRun {
	p.t.Helper()
	return runCtl(p.t, p.dir, append([]string{"-s", p.ctl()}, args...)...)
}

// ctlText is the output of a plugctl run that succeeds.
func (p *plug) ctlText(args ...string) string {
	p.t.Helper()
	r := p.ctlTry(args...)
	if r.status != 0 {
		p.t.Fatalf("plugctl %q: status %d: %s", args, r.status, r.stderr)
	}
	return r.stdout
}

// ctlJSON is the same with --json: the last line, which is the answer.
func (p *plug) ctlJSON(args ...string) (r ctlReply) {
	p.t.Helper()
	lines := strings.Split(strings.TrimSuffix(p.ctlText(append(args, "--json")...), "\n"), "\n")
	for _, line := range lines {
		r = ctlReply{}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.t.Fatalf("plugctl %q: %q: %v", args, line, err)
		}
	}
	if !r.Done {
		p.t.Fatalf("plugctl %q: %q is not the answer", args, lines)
	}
	return r
}

// ctlRefused is the reason that plugctl prints when the master refuses.
func (p *plug) ctlRefused(args ...string) string {
	p.t.Helper()
	r := p.ctlTry(args...)
	if r.status != 1 || r.stdout != "" || !strings.HasPrefix(r.stderr, "plugctl: ") {
		p.t.Fatalf("plugctl %q: %+v, want status 1", args, r)
	}
	return r.stderr
}
