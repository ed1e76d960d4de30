// Broken files: every error of a file is found in one run, with its place.

package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

var update = flag.Bool("update", false, "rewrite the expected errors in testdata/broken.txt")

// brokenFile is an entry of testdata/broken.txt.
type brokenFile struct{ name, text, want string }

func readBroken(t testing.TB) (head string, all []brokenFile) {
	t.Helper()
	text, err := os.ReadFile("testdata/broken.txt")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n> ")
	for _, part := range parts[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		content, want, ended := strings.Cut(rest, "<\n")
		if !ended {
			t.Fatalf("%s: expected a line with <", name)
		}
		all = append(all, brokenFile{name, content, strings.TrimSuffix(want, "\n")})
	}
	return parts[0], all
}

// loadText checks a text as if it were a file.
func loadText(name, text string) *Loaded {
	system := house(0)
	system.Env = func(name string) (string, bool) { return "/home/www", name == "HOME" }
	return (&Files{Paths: []string{name}, text: text + "\n"}).Load(system)
}

// lines are what was found, one error on each line.
func (l *Loaded) lines() string {
	var b strings.Builder
	for _, d := range l.diags {
		at, kind := "-", ""
		if d.Subject != nil {
			at = fmt.Sprintf("%d:%d", d.Subject.Start.Line, d.Subject.Start.Column)
		}
		if d.Severity == hcl.DiagWarning {
			kind = "warning: "
		}
		fmt.Fprintf(&b, "%s: %s%s: %s\n", at, kind, d.Summary, strings.Join(strings.Fields(d.Detail), " "))
	}
	return b.String()
}

func TestBrokenFiles(t *testing.T) {
	head, all := readBroken(t)
	if len(all) < 60 {
		t.Fatalf("%d broken files; expected 60 or more", len(all))
	}
	out := head
	for _, f := range all {
		l := loadText(f.name, f.text)
		got := strings.TrimSuffix(l.lines(), "\n")
		out += "\n> " + f.name + "\n" + f.text + "<\n" + got + "\n"
		if l.Config != nil || !l.diags.HasErrors() {
			t.Errorf("%s: no error was found", f.name)
		}
		if !*update && got != strings.TrimSuffix(f.want, "\n") {
			t.Errorf("%s:\n%s\nexpected\n%s", f.name, got, f.want)
		}
		if text := l.Complaints(); strings.ContainsAny(text, "\x1b\x00\t") || !strings.HasSuffix(text, l.Verdict()+"\n") {
			t.Errorf("%s: %q", f.name, text)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/broken.txt", []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
