// Tests of the command line: a table of command lines and their results, limits,
// the usage text.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/supervisor/config"
)

// entry is an entry of testdata/commandlines.txt; the head of that file explains them.
type entry struct {
	line   int
	only   string
	argv   []string
	warn   string
	shown  map[string]any // nil if it exits with an error
	status int
	first  string
}

// TestCommandLines checks the result of every entry in the table.
func TestCommandLines(t *testing.T) {
	entries := readEntries(t, "testdata/commandlines.txt")
	if len(entries) < 100 {
		t.Fatalf("%d command lines; the table has lost some", len(entries))
	}
	for _, e := range entries {
		t.Run(strconv.Itoa(e.line), func(t *testing.T) {
			if !e.applies() {
				t.Skip("only", e.only)
			}
			var stdout, stderr bytes.Buffer
			got, status, _ := readCommandLine(append([]string{"--check", "--control", "none"}, e.argv...), &stdout, &stderr)
			if got != nil || status != e.status {
				t.Fatalf("%q: configuration %v, status %d, want none and %d\n%s", e.argv, got, status, e.status, &stderr)
			}
			e.judge(t, stdout.String(), stderr.String())
		})
	}
}

func (e entry) applies() bool {
	switch e.only {
	case "root":
		return os.Geteuid() == 0
	case "user":
		return os.Geteuid() != 0
	case "linux":
		return runtime.GOOS == "linux"
	}
	return true
}

func (e entry) judge(t *testing.T, stdout, stderr string) {
	t.Helper()
	if e.status != 0 {
		reason, rest, _ := strings.Cut(stderr, "\n")
		if !strings.Contains(reason, e.first) || rest != hint || stdout != "" {
			t.Fatalf("%q:\nstdout %q\nstderr %q\nwant a line with %q, and the hint", e.argv, stdout, stderr, e.first)
		}
		return
	}
	if !strings.Contains(stderr, e.warn) || (e.warn == "") != (stderr == "") || strings.Count(stderr, "\n") > 1 {
		t.Fatalf("%q: stderr %q, want a line with %q", e.argv, stderr, e.warn)
	}
	if e.shown == nil {
		if first, _, _ := strings.Cut(stdout, "\n"); !strings.Contains(first, e.first) {
			t.Fatalf("%q: stdout %q, want a line with %q", e.argv, stdout, e.first)
		}
		return
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(stdout), &shown); err != nil {
		t.Fatalf("%q: %v in %q", e.argv, err, stdout)
	}
	for key, want := range e.shown {
		if got, there := shown[key]; !there || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %s is %v, want %v", e.argv, key, got, want)
		}
	}
}

func readEntries(t *testing.T, path string) (entries []entry) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var e entry
	for i, line := range strings.Split(string(text), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || kind == "#":
		case kind == "only":
			e.only = rest
		case kind == ">":
			e.line, e.argv = i+1, splitWords(rest)
		case kind == "warn":
			e.warn = rest
		case kind == "exit":
			status, first, _ := strings.Cut(rest, " ")
			if e.status, err = strconv.Atoi(status); err != nil || first == "" {
				t.Fatalf("%s:%d: want exit STATUS TEXT", path, i+1)
			}
			e.first = first
			entries, e = append(entries, e), entry{}
		case kind[0] == '{':
			if err := json.Unmarshal([]byte(line), &e.shown); err != nil {
				t.Fatalf("%s:%d: %v", path, i+1, err)
			}
			entries, e = append(entries, e), entry{}
		default:
			t.Fatalf("%s:%d: can't read %q", path, i+1, line)
		}
	}
	return entries
}

// splitWords splits words at blanks; 'single quotes' keep one together.
func splitWords(text string) (words []string) {
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		word, rest, quoted := text, "", text[0] == '\''
		if quoted {
			word, rest, _ = strings.Cut(text[1:], "'")
		} else {
			word, rest, _ = strings.Cut(text, " ")
		}
		words, text = append(words, word), rest
	}
	return words
}

// everything is a system where nothing is missing and every user is root.
func everything() *config.System {
	return &config.System{
		Interface: func(string) error { return nil },
		Local:     func(addr netip.Addr) bool { return addr.IsLoopback() || addr == netip.MustParseAddr("192.0.2.7") },
		User: func(name string) (*config.User, error) {
			return &config.User{Name: name, UID: 33, GID: 34, Groups: []uint32{34, 35, 36}}, nil
		},
		Group: func(name string) (uint32, bool, error) {
			if n, err := strconv.ParseUint(name, 10, 32); err == nil {
				return uint32(n), true, nil
			}
			return 35, true, nil
		},
	}
}

// An option that this build's engine lacks is refused by name, with --check and without.
func TestOptionThatTheEngineLacks(t *testing.T) {
	system := config.ThisSystem()
	system.Lacks = []string{"sticky"}
	for _, argv := range [][]string{{"-f", "80", "10.0.0.1"}, {"--check", "--sticky", "80", "10.0.0.1"}} {
		_, err := parseCommandLine(argv, system)
		if err == nil || !strings.Contains(err.Error(), argv[len(argv)-3]) || !strings.Contains(err.Error(), "portable engine, which lacks this option") {
			t.Errorf("%q: %v", argv, err)
		}
	}
	if _, err := parseCommandLine([]string{"--check", "-k", "80", "10.0.0.1"}, system); err != nil {
		t.Errorf("an option that it has: %v", err)
	}
}

// TestServe: without --check, the same parser returns the configuration to serve.
func TestServe(t *testing.T) {
	asked, err := parseCommandLine([]string{"-lP", "/x", "80/eth7", "fe80::1%eth8", "--user=www:log", "-s"}, everything())
	if err != nil || asked.answer() != "" || len(asked.warnings) != 1 {
		t.Fatalf("%+v, %v", asked, err)
	}
	c := asked.config.Values(0)
	if c.Pidfile != "/x" || !c.Log || c.SourceInterface != "eth7" || c.Targets[0].String() != "[fe80::1%eth8]:80" {
		t.Errorf("%+v", c)
	}
	if want := (&config.User{Name: "www", UID: 33, GID: 35, Groups: []uint32{35, 36}}); !reflect.DeepEqual(c.User, want) {
		t.Errorf("user %+v, want %+v", c.User, want)
	}
}

// TestLimits: a value just above a limit is an error that names the limit.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		before, word string
		limit        int
		reason       string
	}{
		{"80", "10.0.0.1", config.MaxTargets, `target "10.0.0.1": one too many; the limit is 1024 targets`},
		{"80 10.0.0.1", "-a10.0.0.2", config.MaxRules, `-a "10.0.0.2/32": one too many; the limit is 1024 rules`},
	} {
		argv := strings.Fields(test.before)
		for range test.limit {
			argv = append(argv, test.word)
		}
		if _, err := parseCommandLine(argv, everything()); err != nil {
			t.Errorf("%d × %s: %v", test.limit, test.word, err)
		}
		_, err := parseCommandLine(append(argv, test.word), everything())
		var wrong *usageError
		if !errors.As(err, &wrong) || wrong.reason != test.reason {
			t.Errorf("%d × %s: %v, want %s", test.limit+1, test.word, err, test.reason)
		}
	}
}

// TestUsage: every option is shown on a line that fits a terminal, and no letter or name
// is used twice.
func TestUsage(t *testing.T) {
	text, seen := usage(), make(map[string]bool)
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 79 {
			t.Errorf("too wide: %q", line)
		}
	}
	for _, o := range config.Options() {
		for _, name := range []string{"-" + string(o.Letter), "--" + o.Long} {
			if name == "-\x00" || name == "--" {
				continue
			}
			if seen[name] {
				t.Errorf("%s is taken twice", name)
			}
			seen[name] = true
			if strings.Count(text, "  "+name)+strings.Count(text, ", "+name) < 1 {
				t.Errorf("usage is silent on %s", name)
			}
		}
	}
}

// full is a stdout that can't be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAnswerNotWritten(t *testing.T) {
	var stderr bytes.Buffer
	if got, status, _ := readCommandLine([]string{"-V"}, full{}, &stderr); got != nil || status != 1 || !strings.Contains(stderr.String(), "no space") {
		t.Errorf("%v, %d, %q", got, status, &stderr)
	}
}

// TestCheckRepeats: what --check shows can be given as a command line again, to the same
// effect. Each option is given, so that Set and Get of each row are compared.
func TestCheckRepeats(t *testing.T) {
	argv := []string{"-nlfko", "-P/x", "-S/y", "-dd", "-t90", "-r5", "-a10.0.0.0/8", "-a::1", "-p10.0.0.7", "-h10.0.0.9", "--user=www",
		"--max-uses=7", "--spares=1:9", "--max-workers=40", "--connect-timeout=250ms", "--close-timeout=7", "--backlog=9",
		"--drain-timeout=1500ms", "--syslog=udp://[::1]:5", "--log-format=json", "--control=/z", "--control-group=log",
		"--negotiate-timeout=3", "--idle-timeout=10m", "--half-closed-timeout=30", "--first-byte-timeout=1500ms", "--first-byte-of=client",
		"--lifetime=1h", "--lifetime-jitter=20", "--lifetime-end=reset", "--linger=reset", "--keepalive-idle=5", "--keepalive-every=1",
		"--keepalive-count=3", "--keepalive-of=client", "--user-timeout=8", "--user-timeout-of=target", "--dscp=10",
		"[::1]:80", "www.example.org", "10.0.0.1:81"}
	if runtime.GOOS == "linux" {
		argv = append(argv, "--freebind")
	}
	repeats(t, argv, map[string]bool{"mode": true, "workers": true})
	repeats(t, []string{"--mode=pool", "--workers=3", "80", "10.0.0.1"}, nil)
	repeats(t, []string{"--idle-timeout=10", "--half-closed-timeout=0", "--linger=7", "80", "10.0.0.1"}, nil)
	repeats(t, []string{"--keepalive-idle=5", "--keepalive-every=1", "--keepalive-count=3", "--user-timeout=0", "80", "10.0.0.1"}, nil)
}

// repeats parses a command line, and then what --check shows of it. Unless but is nil,
// every option must have a value other than its default, except for those of but.
func repeats(t *testing.T, argv []string, but map[string]bool) {
	t.Helper()
	bare, err := parseCommandLine([]string{"80", "10.0.0.1"}, everything())
	if err != nil {
		t.Fatal(err)
	}
	first, again := "", argv
	for round := range 2 {
		asked, err := parseCommandLine(append([]string{"--check"}, again...), everything())
		if err != nil {
			t.Fatal(err)
		}
		text := asked.answer()
		if round == 0 {
			first = text
		} else if text != first {
			t.Errorf("said %q, it shows\n%s\nand not\n%s", again, text, first)
		}
		for _, o := range config.Options() {
			if but != nil && o.Get != nil && !but[o.Long] && (runtime.GOOS == "linux" || o.Long != "freebind") &&
				reflect.DeepEqual(o.Get(asked.config.Values(0)), o.Get(bare.config.Values(0))) {
				t.Errorf("--%s has its default value; expected another, to compare Set and Get", o.Long)
			}
		}
		var shown map[string]any
		if err := json.Unmarshal([]byte(text), &shown); err != nil {
			t.Fatal(err)
		}
		again = retell(shown)
	}
}

func retell(shown map[string]any) (argv []string) {
	for key, value := range shown {
		switch value := value.(type) {
		case string:
			if value != "" && key != "source" {
				argv = append(argv, "--"+key+"="+value)
			}
		case []any:
			for _, one := range value {
				if key != "targets" {
					argv = append(argv, fmt.Sprintf("--%s=%v", key, one))
				}
			}
		case bool, float64:
			if key != "workers" || shown["mode"] == "pool" {
				argv = append(argv, fmt.Sprintf("--%s=%v", key, value))
			}
		case map[string]any: // the user
			argv = append(argv, fmt.Sprintf("--%s=%v", key, value["name"]))
		}
	}
	argv = append(argv, shown["source"].(string))
	for _, target := range shown["targets"].([]any) {
		argv = append(argv, target.(string))
	}
	return argv
}

// FuzzSpellOut: no command line makes the parser panic, and every error is one line.
func FuzzSpellOut(f *testing.F) {
	f.Add("-nfl 80 10.0.0.1 -P=/x")
	f.Add("--pidfile= -- -a 80 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parseCommandLine(strings.Split(text, " "), everything())
		if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%q: %q", text, err)
		}
	})
}
