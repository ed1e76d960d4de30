// Tests that compare plug.hcl(5) with the table of options.

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"daemon/plug/supervisor/config"
)

// The page lists every directive with the form of its value and what a change needs, and
// no other one.
func TestManualDirectives(t *testing.T) {
	text, err := os.ReadFile("plug.hcl.5")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n.Ss ")
	for i, scope := range []config.Scope{config.ScopeProcess, config.ScopePlug} {
		section, _, _ := strings.Cut(sections[i+1], "\n.Sh ")
		var got []string
		for _, m := range regexp.MustCompile(`(?m)^\.It Ic (\S+ Ta \S+ Ta \S+)$`).FindAllStringSubmatch(section, -1) {
			got = append(got, strings.ReplaceAll(m[1], " Ta", ""))
		}
		var want []string
		for _, d := range config.Directives(scope) {
			want = append(want, d.Name+" "+d.Form+" "+map[config.Change]string{config.ChangeLive: "live", config.ChangeGeneration: "workers",
				config.ChangeSockets: "sockets", config.ChangeMaster: "master"}[d.Change])
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("plug.hcl(5) has\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// The page's examples are right.
func TestManualFiles(t *testing.T) {
	text, err := os.ReadFile("plug.hcl.5")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, part := range strings.Split(string(text), ".Bd -literal -offset indent\n")[1:] {
		example, _, _ := strings.Cut(part, ".Ed\n")
		name := "a.hcl"
		switch {
		case strings.HasPrefix(example, "{"):
			name = "a.hcl.json"
		case strings.HasPrefix(example, "Error:"):
			continue
		}
		answered(t, "--check", "-c", inFile(t, name, example))
		checked++
	}
	if checked != 3 {
		t.Errorf("%d examples; expected 3", checked)
	}
}

func TestManualLint(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip(err)
	}
	page, err := filepath.Abs("plug.hcl.5")
	if err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(mandoc, "-Tlint", "-Wwarning", page).Output()
	if len(out) > 0 {
		t.Errorf("%s", out)
	}
}
