// A test that NOTICES has the licences of all linked modules.

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// linked returns the modules that plug and plugctl link on any supported
// system, with each one's directory; Go itself is "go".
func linked(t *testing.T) map[string]string {
	t.Helper()
	dirs := map[string]string{"go": runtime.GOROOT()}
	for _, system := range []string{"linux", "freebsd", "openbsd", "darwin"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "../plug", ".")
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for line := range strings.Lines(string(out)) {
			if path, dir, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				dirs[path] = dir
			}
		}
	}
	return dirs
}

// noticeHead is the start of each module's part of NOTICES.
var noticeHead = regexp.MustCompile(`(?m)^=== (\S+)\n\n`)

// TestNotices: NOTICES has the exact licence of each module that the binaries
// link, and no other.
func TestNotices(t *testing.T) {
	text, err := os.ReadFile("NOTICES")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	heads := noticeHead.FindAllSubmatchIndex(text, -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		parts[string(text[h[2]:h[3]])] = string(text[h[1]:end])
	}
	dirs := linked(t)
	if len(dirs) < 10 {
		t.Errorf("%d modules: this test has lost its eyes", len(dirs))
	}
	for module, dir := range dirs {
		part, ok := parts[module]
		if !ok {
			t.Errorf("NOTICES says nothing about %s", module)
			continue
		}
		files := licences(t, dir)
		if len(files) == 0 && module != "go" { // some distributions have Go's elsewhere
			t.Errorf("%s: no licence in %s", module, dir)
		}
		for _, file := range files {
			licence, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(squeezed(part), squeezed(string(licence))) {
				t.Errorf("%s: NOTICES lacks its %s", module, filepath.Base(file))
			}
		}
	}
	for module := range parts {
		if dirs[module] == "" {
			t.Errorf("NOTICES has %s, which the binaries do not link", module)
		}
	}
}

func licences(t *testing.T, dir string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		if slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE"}, name) && !e.IsDir() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// squeezed removes differences of white space.
func squeezed(text string) string { return strings.Join(strings.Fields(text), " ") }
