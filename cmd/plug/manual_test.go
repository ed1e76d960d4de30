// Tests that compare the manual page with the table of options and the limits.

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker/board"
)

// manual is plug.8 in the form that the tests need: mdoc(7) source, by section.
type manual struct {
	text     string
	sections map[string]string // by .Sh
	items    map[string]string // by .It of OPTIONS, as in "Fl i , Fl -bind Ar ADDR"
}

func readManual(t *testing.T) manual {
	t.Helper()
	b, err := os.ReadFile("plug.8")
	if err != nil {
		t.Fatal(err)
	}
	m := manual{string(b), make(map[string]string), make(map[string]string)}
	for _, part := range strings.Split(m.text, "\n.Sh ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		m.sections[name] = body
	}
	for _, part := range strings.Split(m.sections["OPTIONS"], "\n.It ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		if _, twice := m.items[head]; twice {
			t.Errorf("OPTIONS has two items %q", head)
		}
		m.items[head] = strings.ReplaceAll(body, "\n", " ")
	}
	return m
}

// heading is how the page must introduce an option.
func heading(o *config.Option) string {
	var names []string
	if o.Letter != 0 {
		names = append(names, "Fl "+string(o.Letter))
	}
	if o.Long != "" {
		names = append(names, "Fl -"+o.Long)
	}
	head := strings.Join(names, " , ")
	if o.Arg != "" {
		head += " Ar " + o.Arg
	}
	return head
}

// TestManualOptions: the page has every option with its letter, long name and
// value, and no other.
func TestManualOptions(t *testing.T) {
	m := readManual(t)
	known := make(map[string]bool)
	for _, o := range config.Options() {
		head := heading(o)
		known[head] = true
		if strings.TrimSpace(m.items[head]) == "" {
			t.Errorf("OPTIONS says nothing about %q", head)
		}
	}
	for head := range m.items {
		if !known[head] {
			t.Errorf("OPTIONS has %q, and the parser has not", head)
		}
	}
}

// TestManualFlags: every flag that the page names anywhere exists; letters in one word
// are a cluster, and take no values.
func TestManualFlags(t *testing.T) {
	found := regexp.MustCompile(`\bFl (-?[[:alnum:]][-[:alnum:]]*)`).FindAllStringSubmatch(readManual(t).text, -1)
	if len(found) < 2*len(config.Options()) {
		t.Errorf("%d flags found; the page has lost some, or this test its eyes", len(found))
	}
	for _, match := range found {
		word := match[1]
		if long, ok := strings.CutPrefix(word, "-"); ok {
			if config.OptionByName(long) == nil && long != "long-option" { // stands for all in SYNOPSIS
				t.Errorf("unknown option --%s", long)
			}
			continue
		}
		for _, letter := range []byte(word) {
			if o := config.OptionByLetter(letter); o == nil || len(word) > 1 && o.Arg != "" {
				t.Errorf("unknown letter %c, or one with a value, in -%s", letter, word)
			}
		}
	}
}

// TestManualDefaults: the default on the page is the parser's, for every option that has
// a value without being given.
func TestManualDefaults(t *testing.T) {
	asked, err := parseCommandLine([]string{"80", "10.0.0.1"}, everything())
	if err != nil {
		t.Fatal(err)
	}
	stated := func(long, value string) {
		// On the page, the value is followed by punctuation or its unit.
		want := regexp.MustCompile(`The default is (\.Pa )?` + regexp.QuoteMeta(value) + `( ?[.:,] | seconds\.)`)
		if body := manualOn(t, long); !want.MatchString(body + " ") {
			t.Errorf("--%s: want \"The default is %s\" in %q", long, value, body)
		}
	}
	checked := 0
	for _, o := range config.Options() {
		v := asked.config.Values(0)
		if o.Hide != nil && o.Hide(v) && o.Default == "" { // it has no value
			continue
		}
		if o.Arg == "" || o.Get == nil || o.Long == "syslog" && runtime.GOOS != "linux" { // the page has the default of Linux
			continue
		}
		if value := fmt.Sprint(o.Get(v)); value != "" && value != "[]" && value != "<nil>" {
			checked++
			stated(o.Long, value)
		}
	}
	if checked < 13 {
		t.Errorf("%d options with a default; expected 13 or more", checked)
	}
	if asked, err = parseCommandLine([]string{"-h10.0.0.9", "80", "10.0.0.1"}, everything()); err != nil {
		t.Fatal(err)
	}
	stated("via", fmt.Sprintf("port %d", asked.config.Plugs[0].Via.Port()))
}

// manualOn is what the page says about a long option.
func manualOn(t *testing.T, long string) string {
	t.Helper()
	return readManual(t).items[heading(config.OptionByName(long))]
}

// TestManualLimits: the limits that the page states are those of the code.
func TestManualLimits(t *testing.T) {
	limits := readManual(t).sections["LIMITS"]
	for what, limit := range map[string]int{
		"targets":                            config.MaxTargets,
		"rules of":                           config.MaxRules,
		"workers":                            config.MaxWorkers,
		"characters of a target's host name": config.MaxName,
	} {
		if want := ".It " + grouped(limit) + "\n" + what + "\n"; !strings.Contains(limits, want) {
			t.Errorf("LIMITS does not say %q", want)
		}
	}
	if want := fmt.Sprintf("keeps up to %d unwritten lines", board.SpareRows); !strings.Contains(readManual(t).sections["SESSION LINE"], want) {
		t.Errorf("SESSION LINE does not say %q", want)
	}
	if want := fmt.Sprintf("at most %d bytes", config.MaxControl); !strings.Contains(manualOn(t, "control"), want) {
		t.Errorf("--control: want %q in %q", want, manualOn(t, "control"))
	}
	for long, limit := range map[string]int{
		"backlog": config.MaxBacklog, "workers": config.MaxWorkers, "max-workers": config.MaxWorkers, "spares": config.MaxWorkers,
		"sticky-timeout": int(config.StickySpan().Max / time.Second), "retry-after": int(config.RetrySpan().Max / time.Second),
	} {
		if want := fmt.Sprintf("to %d", limit); !strings.Contains(manualOn(t, long), want) {
			t.Errorf("--%s: want %q in %q", long, want, manualOn(t, long))
		}
	}
}

// grouped writes a number as the page's prose does, "1,024".
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// TestManualQuotes: what the pages quote from the programs' texts is in their source.
func TestManualQuotes(t *testing.T) {
	var source strings.Builder
	for _, dir := range []string{"../../supervisor", "../../worker", "../plugctl"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			source.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for _, page := range []string{"plug.8", "../plugctl/plugctl.8"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, quote := range regexp.MustCompile(`(?m)^\.Dq (.*?)(?: [.,;:])?$`).FindAllStringSubmatch(string(text), -1) {
			if found++; !strings.Contains(source.String(), quote[1]) {
				t.Errorf("%s quotes %q, which no program prints", page, quote[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("%d quotes found; expected more: the pages or this test's pattern have changed", found)
	}
}
