// Harness: running plugctl.

package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// CtlRun is the output of a run of plugctl, and its exit status.
type CtlRun struct {
	Stdout, Stderr string
	Status         int
}

// CtlProgram is the client under test.
func CtlProgram(t testing.TB) string {
	t.Helper()
	return BuildOnce(t, "plugctl", nil, "-trimpath", "daemon/plug/cmd/plugctl")
}

// RunCtl runs plugctl in a directory.
func RunCtl(t testing.TB, dir string, args ...string) CtlRun {
	t.Helper()
	cmd := exec.Command(CtlProgram(t), args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return CtlRun{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// CtlTry runs plugctl for this plug.
func (p *Plug) CtlTry(args ...string) CtlRun {
	p.T.Helper()
	return RunCtl(p.T, p.Dir, append([]string{"-s", p.Ctl()}, args...)...)
}

// CtlText is the output of a plugctl run that succeeds.
func (p *Plug) CtlText(args ...string) string {
	p.T.Helper()
	r := p.CtlTry(args...)
	if r.Status != 0 {
		p.T.Fatalf("plugctl %q: status %d: %s", args, r.Status, r.Stderr)
	}
	return r.Stdout
}

// CtlJSON is the same with --json: the last line, which is the answer.
func (p *Plug) CtlJSON(args ...string) (r Reply) {
	p.T.Helper()
	lines := strings.Split(strings.TrimSuffix(p.CtlText(append(args, "--json")...), "\n"), "\n")
	for _, line := range lines {
		r = Reply{}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.T.Fatalf("plugctl %q: %q: %v", args, line, err)
		}
	}
	if !r.Done {
		p.T.Fatalf("plugctl %q: %q is not the answer", args, lines)
	}
	return r
}

// CtlRefused is the reason that plugctl prints when the master refuses.
func (p *Plug) CtlRefused(args ...string) string {
	p.T.Helper()
	r := p.CtlTry(args...)
	if r.Status != 1 || r.Stdout != "" || !strings.HasPrefix(r.Stderr, "plugctl: ") {
		p.T.Fatalf("plugctl %q: %+v, want status 1", args, r)
	}
	return r.Stderr
}
