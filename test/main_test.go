// TestMain: it builds the plug that all tests use.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// built is the plug to test; plug.link says why no test runs it directly.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "plug-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "test:", err)
		os.Exit(1)
	}
	code := 1
	if built, err = build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "test: no binary to test:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) (string, error) {
	out := filepath.Join(dir, "plug")
	if given := os.Getenv("PLUG_BIN"); given != "" {
		// A copy: links to it must not cross file systems.
		return out, copyFile(given, out)
	}
	cmd := exec.Command("go", "build", "-o", out, "daemon/plug/cmd/plug")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return out, cmd.Run()
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}
