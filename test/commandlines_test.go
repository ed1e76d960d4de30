// Tests of command lines: the table, usage errors, --version.

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// commandLine is an entry of cmd/plug/testdata/commandlines.txt; the start of
// that file explains the lines.
type commandLine struct {
	only   string
	argv   []string
	warn   string
	shown  map[string]any
	status int
	text   string
}

func readCommandLines(t *testing.T) []commandLine {
	t.Helper()
	b, err := os.ReadFile("../cmd/plug/testdata/commandlines.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []commandLine
	for entry := range strings.SplitSeq(string(b), "\n\n") {
		var c commandLine
		for line := range strings.Lines(entry) {
			line = strings.TrimSuffix(line, "\n")
			kind, rest, _ := strings.Cut(line, " ")
			switch {
			case strings.HasPrefix(line, "{"):
				err = json.Unmarshal([]byte(line), &c.shown)
			case kind == ">":
				c.argv = words(rest)
			case kind == "only":
				c.only = rest
			case kind == "warn":
				c.warn = rest
			case kind == "exit":
				status, text, _ := strings.Cut(rest, " ")
				c.status, err = strconv.Atoi(status)
				c.text = text
			case kind != "#" && kind != "":
				err = fmt.Errorf("neither of the forms")
			}
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		if c.argv != nil || c.shown != nil || c.text != "" {
			all = append(all, c)
		}
	}
	return all
}

// words splits at blanks, but not inside 'quotes'.
func words(s string) (argv []string) {
	argv = []string{}
	word, open, begun := "", false, false
	for _, r := range s + " " {
		switch {
		case r == '\'':
			open, begun = !open, true
		case r == ' ' && !open:
			if begun {
				argv = append(argv, word)
			}
			word, begun = "", false
		default:
			word += string(r)
			begun = true
		}
	}
	return argv
}

// The table of command lines, with the binary run as from a shell.
func TestCommandLines(t *testing.T) {
	t.Parallel()
	all := readCommandLines(t)
	if len(all) < 80 {
		t.Errorf("%d command lines, fewer than 80", len(all))
	}
	ran := 0
	for _, c := range all {
		root := os.Getuid() == 0
		if c.only == "root" && !root || c.only == "user" && root || c.only == "linux" && runtime.GOOS != "linux" {
			continue
		}
		ran++
		t.Run(strings.Join(c.argv, " "), func(t *testing.T) {
			var out, errs bytes.Buffer
			cmd := exec.Command(harness.Binary, append([]string{"--check", "--control", "none"}, c.argv...)...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != c.status {
				t.Fatalf("exit code %d, want %d\n%s%s", code, c.status, &out, &errs)
			}
			reason, rest, _ := strings.Cut(errs.String(), "\n")
			switch {
			case c.status != 0:
				if !strings.Contains(reason, c.text) || rest != usageHint || out.Len() > 0 {
					t.Errorf("want a line with %q and the hint\nstdout %q\nstderr %q", c.text, &out, &errs)
				}
				return
			case c.warn == "" && errs.Len() > 0, !strings.Contains(reason, c.warn), rest != "":
				t.Errorf("stderr %q, want %q", &errs, c.warn)
			}
			if c.shown == nil {
				if first, _, _ := strings.Cut(out.String(), "\n"); !strings.Contains(first, c.text) {
					t.Errorf("stdout %q, want a line with %q", &out, c.text)
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%v: %q", err, &out)
			}
			for key, want := range c.shown {
				if !reflect.DeepEqual(got[key], want) {
					t.Errorf("%s is %v, want %v", key, got[key], want)
				}
			}
		})
	}
	t.Logf("%d of %d command lines", ran, len(all))
}

// usageHint follows the reason in every usage error.
const usageHint = "See \"plug --help\" for the options.\n"

// Without --check a wrong command line is refused in the same way, before
// anything is bound or written.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-a", "10.0.0/24", "{port}", "127.0.0.1:1"},
		{"-a", "10.0.0.0/33", "{port}", "127.0.0.1:1"},
		{"-a", "example.com", "{port}", "127.0.0.1:1"},
		{"-a", "::1/129", "{port}", "127.0.0.1:1"},
		{"-z", "{port}", "127.0.0.1:1"},
		{"{port}"},
		{"{port}", "news.example"},
		{"{port}", "127.0.0.1:0"},
		{"--mode", "threads", "{port}", "127.0.0.1:1"},
		{"-k=false", "{port}", "127.0.0.1:1"},
	} {
		p := harness.Prepare(t, "", args...)
		p.Launch()
		if code := p.Wait(10 * time.Second); code != 5 {
			t.Errorf("%q: exit code %d, want 5", args, code)
		}
		if reason, rest, _ := strings.Cut(p.Errors(), "\n"); !strings.HasPrefix(reason, "plug: ") || rest != usageHint {
			t.Errorf("%q: stderr %q", args, p.Errors())
		}
		if _, err := os.Stat(p.Pidfile); err == nil || harness.Listening(t, p.Port) || len(p.Procs()) > 0 {
			t.Errorf("%q left something behind", args)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"-V"}, {"--version"}, {"-nV"}} {
		cmd := exec.Command(harness.Binary, args...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil || !strings.HasPrefix(string(out), "plug: plugdaemon V3") || strings.Count(string(out), "\n") != 1 || errs.Len() > 0 {
			t.Errorf("%q: %v, stdout %q, stderr %q", args, err, out, &errs)
		}
	}
}
