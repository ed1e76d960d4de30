// The file for a command line.

package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Convert returns the file for a checked command line. given reports whether an option was
// on it.
func (c *Config) Convert(given func(name string) bool, system *System) (string, error) {
	p := *c.Plugs[0]
	p.Name = plugName(p.Name)
	also := map[string]bool{"source-address": true, "source-interface": true}
	body := plugNodes(&p, func(name string) bool { return given(name) || also[name] })
	text := printHCL(append(processNodes(&c.Process, given), node{name: "plug", label: p.Name, body: body}))
	if err := c.verify(text, system); err != nil {
		return "", err
	}
	if c.Foreground && given("foreground") {
		text = "# To serve it in the foreground, as -n does: plug -n --config FILE\n\n" + text
	}
	return text, nil
}

// verify checks that the file says what the command line does: a value that is no Unicode
// text cannot be in a file.
func (c *Config) verify(text string, system *System) error {
	again := (&Files{Paths: []string{"converted.hcl"}, text: text, Foreground: c.Foreground}).Load(system)
	if again.Config == nil {
		return errors.New(again.First())
	}
	was, is := *c.Plugs[0], *again.Config.Plugs[0]
	was.Name = is.Name
	process := again.Config.Process
	process.File = ""
	if c.ControlDefault { // it depends on the file's name
		process.Control = c.Control
	}
	if reflect.DeepEqual(was, is) && reflect.DeepEqual(c.Process, process) {
		return nil
	}
	differences, err := Diff(&Config{Process: c.Process, Plugs: []*Plug{&was}}, &Config{Process: process, Plugs: []*Plug{&is}})
	if err != nil || len(differences) == 0 {
		return errors.New("a value cannot be written to a file")
	}
	return fmt.Errorf("%s %s: a file can only have Unicode text in normal form C", differences[0].Option, differences[0].Old)
}

// plugName makes a name for a plug of a command line.
func plugName(label string) string {
	name := []byte("plug-" + strings.ToLower(label))
	for i, c := range name {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			name[i] = '-'
		}
	}
	return strings.TrimRight(string(name[:min(len(name), MaxPlugName)]), "-")
}
