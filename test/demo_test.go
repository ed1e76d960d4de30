// A test of make demo.

package test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// The demo checks each of its claims; this tests its own result, with the real
// plug and with a program that is not plug.
func TestDemo(t *testing.T) {
	t.Parallel()
	demo := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", demo, "./demo").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(demo, "-plug", harness.Binary).CombinedOutput()
	text := string(out)
	if err != nil || !strings.HasSuffix(text, "Everything that was shown was checked.\n") {
		t.Errorf("%v: %s", err, text)
	}
	for _, claim := range []string{"the master and these 5 PIDs", "none was refused, reset or wrong", "no process is left", "every session has its line"} {
		if !strings.Contains(text, claim) {
			t.Errorf("it does not claim %q", claim)
		}
	}
	if out, err := exec.Command(demo, "-plug", "/bin/true").CombinedOutput(); err == nil || !strings.Contains(string(out), "FAILED") {
		t.Errorf("satisfied with /bin/true: %s", out)
	}
}
