// Upgrade tests: the binaries between which a plug is upgraded.

package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// The binaries between which plugs are upgraded, by their stamps. They differ
// in nothing that a client could see.
const (
	ThisVersion  = "A"
	NextVersion  = "B"
	OlderVersion = "older" // the previous version: another board layout, another protocol
)

// stamps has the files that were built in this run.
var stamps struct {
	sync.Mutex
	done map[string]string
}

// BuildOnce makes a file with a name next to the plug under test, with a command
// that gets its path as the value of -o, and returns the path. Each is made
// once.
func BuildOnce(t testing.TB, name string, env []string, args ...string) string {
	t.Helper()
	stamps.Lock()
	defer stamps.Unlock()
	if path, ok := stamps.done[name]; ok {
		return path
	}
	path := filepath.Join(filepath.Dir(Binary), "plug-"+name)
	cmd := exec.Command("go", append([]string{"build", "-o", path}, args...)...)
	cmd.Env = append(os.Environ(), append(env, "CGO_ENABLED=0")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, out)
	}
	if stamps.done == nil {
		stamps.done = map[string]string{}
	}
	stamps.done[name] = path
	return path
}

// Stamped is the plug with this version.
func Stamped(t testing.TB, version string) string {
	t.Helper()
	var tags []string
	if version == OlderVersion {
		tags = append(tags, "fixture")
	}
	if IsPortable() {
		tags = append(tags, "portable")
	}
	return BuildOnce(t, version, nil, "-trimpath", "-ldflags", "-X main.version="+version, "-tags", strings.Join(tags, ","), "daemon/plug/cmd/plug")
}

// Foreign is a program for another architecture. It links only the runtime,
// which is compiled for it here.
func Foreign(t testing.TB) string {
	t.Helper()
	arch := "arm64"
	if runtime.GOARCH == arch {
		arch = "amd64"
	}
	source := filepath.Join(OpenDir(t), "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return BuildOnce(t, "foreign", []string{"GOARCH=" + arch}, source)
}
