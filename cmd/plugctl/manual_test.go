// Tests that compare plugctl(8) with the commands, flags, defaults and
// statuses.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"daemon/plug/cmd/plugctl/pick"
)

// manual is plugctl.8 in parts: the mdoc(7) source.
type manual struct {
	text     string
	sections map[string]string            // by .Sh
	commands map[string]string            // by .It of COMMANDS, as in "Cm kill Op Ar ID ..."
	flags    map[string]map[string]string // by command, then by .It, as in "Fl r , Fl -reverse"
}

func readManual(t *testing.T) manual {
	t.Helper()
	b, err := os.ReadFile("plugctl.8")
	if err != nil {
		t.Fatal(err)
	}
	m := manual{string(b), make(map[string]string), make(map[string]string), make(map[string]map[string]string)}
	for _, part := range strings.Split(m.text, "\n.Sh ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		m.sections[name] = body
	}
	command := ""
	for head, body := range items(m.sections["COMMANDS"]) {
		if strings.HasPrefix(head, "Fl ") {
			m.flags[command][head] = body
			continue
		}
		command = head
		m.commands[command], m.flags[command] = body, make(map[string]string)
	}
	return m
}

// items iterates over the list items of a section: each head, and the text up
// to the next item.
func items(section string) func(func(head, body string) bool) {
	return func(yield func(head, body string) bool) {
		for _, part := range strings.Split(section, "\n.It ")[1:] {
			head, body, _ := strings.Cut(part, "\n")
			if !yield(head, strings.ReplaceAll(body, "\n", " ")) {
				return
			}
		}
	}
}

// leaves are the commands that can be run.
func leaves(cmd *cobra.Command) []*cobra.Command {
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		all = append(all, leaves(sub)...)
	}
	return all
}

// commandHead is a command's head in the manual.
func commandHead(cmd *cobra.Command) string {
	head := "Cm " + strings.TrimPrefix(cmd.CommandPath(), "plugctl ")
	for _, arg := range strings.Fields(cmd.Use)[1:] {
		if arg == "--" {
			head += " Fl -"
			continue
		}
		arg, many := strings.CutSuffix(arg, "...")
		if optional := strings.Trim(arg, "[]"); optional != arg {
			head += " Op"
			arg = optional
		}
		if head += " Ar " + arg; many {
			head += " ..."
		}
	}
	return head
}

// flagHead is a flag's head in the manual.
func flagHead(f *pflag.Flag) string {
	head := "Fl -" + f.Name
	if f.Shorthand != "" {
		head = "Fl " + f.Shorthand + " , " + head
	}
	if value, _ := valueOf(f); value != "" {
		head += " Ar " + value
	}
	return head
}

// own are a command's flags without the global ones.
func own(cmd *cobra.Command) map[string]*pflag.Flag {
	flags := make(map[string]*pflag.Flag)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if cmd.Root().PersistentFlags().Lookup(f.Name) == nil && f.Name != "help" {
			flags[flagHead(f)] = f
		}
	})
	return flags
}

// TestManualCommands: the manual has every command with its arguments and
// flags, and no other. If a flag is the same as another command's, the manual
// may say so.
func TestManualCommands(t *testing.T) {
	m := readManual(t)
	known := map[string]bool{"Cm help Op Ar command": true} // cobra's own
	picking := make(map[string]bool)
	for head := range items(m.sections["FILTERING SESSIONS"]) {
		picking[head] = true
	}
	for _, cmd := range leaves((&ctl{}).root()) {
		head := commandHead(cmd)
		known[head] = true
		body, ok := m.commands[head]
		if !ok || strings.TrimSpace(body) == "" {
			t.Errorf("COMMANDS says nothing about %q", head)
			continue
		}
		flags := own(cmd)
		for flag, f := range flags {
			said := strings.TrimSpace(m.flags[head][flag]) != "" || picking[flag] || strings.Contains(body, " Fl -"+f.Name+" ") ||
				strings.Contains(body, ".Fl -"+f.Name+" ")
			if !said {
				t.Errorf("%s: nothing about %q", head, flag)
			}
		}
		for flag := range m.flags[head] {
			if flags[flag] == nil {
				t.Errorf("%s: the page has %q, and the command has not", head, flag)
			}
		}
	}
	for head := range m.commands {
		if !known[head] {
			t.Errorf("COMMANDS has %q, and plugctl has not", head)
		}
	}
}

// TestManualGlobalFlags: the global flags, and the flags of plugctl without a
// command.
func TestManualGlobalFlags(t *testing.T) {
	root := (&ctl{}).root()
	want := make(map[string]bool)
	for _, set := range []*pflag.FlagSet{root.PersistentFlags(), root.Flags()} {
		set.VisitAll(func(f *pflag.Flag) { want[flagHead(f)] = true })
	}
	got := make(map[string]bool)
	for head, body := range items(readManual(t).sections["GLOBAL FLAGS"]) {
		got[head] = strings.TrimSpace(body) != ""
	}
	compare(t, "GLOBAL FLAGS", got, want)
}

// TestManualPicking: the filter flags, and which commands have them.
func TestManualPicking(t *testing.T) {
	m := readManual(t)
	got, want := make(map[string]bool), make(map[string]bool)
	for head, body := range items(m.sections["FILTERING SESSIONS"]) {
		got[head] = strings.TrimSpace(body) != ""
	}
	for _, w := range pick.Words {
		want["Fl -"+w.Name+" Ar "+w.Value] = true
	}
	compare(t, "FILTERING SESSIONS", got, want)
	intro, _, _ := strings.Cut(m.sections["FILTERING SESSIONS"], ".Bl")
	for _, cmd := range leaves((&ctl{}).root()) {
		picks := cmd.Flags().Lookup(pick.Words[0].Name) != nil
		if named := slices.Contains(regexp.MustCompile(`[\w-]+`).FindAllString(intro, -1), cmd.Name()); named != picks {
			t.Errorf("%s: it picks sessions: %v; FILTERING SESSIONS says so: %v", cmd.Name(), picks, named)
		}
	}
}

func compare(t *testing.T, section string, got, want map[string]bool) {
	t.Helper()
	for head := range want {
		if !got[head] {
			t.Errorf("%s says nothing about %q", section, head)
		}
	}
	for head := range got {
		if !want[head] {
			t.Errorf("%s has %q, and plugctl has not", section, head)
		}
	}
}

// TestManualFlags: every flag that the manual mentions exists, except for
// plug's.
func TestManualFlags(t *testing.T) {
	ofPlug := []string{"-control-group", "-check", "f", "d"}
	known := make(map[string]bool)
	root := (&ctl{}).root()
	for _, cmd := range append(leaves(root), root) {
		for _, set := range []*pflag.FlagSet{cmd.Flags(), root.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { known["-"+f.Name], known[f.Shorthand] = true, true })
		}
	}
	found := regexp.MustCompile(`\bFl (-?[[:alnum:]][-[:alnum:]]*)`).FindAllStringSubmatch(readManual(t).text, -1)
	if len(found) < 30 {
		t.Errorf("%d flags found; the page has lost some, or this test its eyes", len(found))
	}
	for _, match := range found {
		if !known[match[1]] && !slices.Contains(ofPlug, match[1]) {
			t.Errorf("unknown flag -%s", match[1])
		}
	}
}

// TestManualDefaults: the defaults in the manual are the parser's.
func TestManualDefaults(t *testing.T) {
	m := readManual(t)
	root := (&ctl{}).root()
	check := func(f *pflag.Flag, body string) {
		if f.Value.Type() == "bool" || f.DefValue == "" {
			return
		}
		if want := regexp.MustCompile(`The default is ` + regexp.QuoteMeta(f.DefValue) + `[.:]`); !want.MatchString(body) {
			t.Errorf("--%s: want \"The default is %s\" in %q", f.Name, f.DefValue, body)
		}
	}
	for _, cmd := range leaves(root) {
		for head, f := range own(cmd) {
			if body, ok := m.flags[commandHead(cmd)][head]; ok {
				check(f, body)
			}
		}
	}
	for head, body := range items(m.sections["GLOBAL FLAGS"]) {
		root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
			if flagHead(f) == head {
				check(f, body)
			}
		})
	}
}

// TestManualExitStatus: the exit statuses in the manual are the code's.
func TestManualExitStatus(t *testing.T) {
	got := make(map[string]bool)
	for head := range items(readManual(t).sections["EXIT STATUS"]) {
		got[head] = true
	}
	want := map[string]bool{"128+ Ns Ar N": true}
	for _, status := range []int{exitDone, exitFailed, exitAway, exitNone, exitUsage} {
		want[fmt.Sprint(status)] = true
	}
	compare(t, "EXIT STATUS", got, want)
}

// TestManualLint: mandoc reports nothing, except missing other manual pages.
func TestManualLint(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not installed")
	}
	out, _ := exec.Command(mandoc, "-Tlint", "plugctl.8").Output()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "referenced manual not found") {
			t.Error(line)
		}
	}
}
