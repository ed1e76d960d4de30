// Harness: the binary that all tests of a package use, and their TestMain.

package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binary is the plug to test. No test runs it directly, see the package comment.
var Binary string

// Main is the TestMain of each package that starts plugs: it builds the binary,
// runs the tests and exits.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "plug-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "test:", err)
		os.Exit(1)
	}
	code := 1
	if Binary, err = build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "test: no binary to test:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) (string, error) {
	out := filepath.Join(dir, "plug")
	for _, given := range []string{os.Getenv("PLUG_BIN"), os.Getenv("PLUG_BUILT")} {
		if given != "" {
			// A copy: links to it must not cross file systems.
			return out, CopyFile(given, out)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", out, "daemon/plug/cmd/plug")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return out, cmd.Run()
}

// CopyFile copies a program.
func CopyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}
