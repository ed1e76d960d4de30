// Tests of which changes need a restart.

package service

import (
	"strings"
	"testing"
)

// A running service is restarted only for changes that apply at its start.
func TestRestartFor(t *testing.T) {
	replaced := func(old, new string) func(string) string {
		return func(text string) string {
			if !strings.Contains(text, old) {
				t.Fatalf("no %q in\n%s", old, text)
			}
			return strings.Replace(text, old, new, 1)
		}
	}
	same := func(text string) string { return text }
	const another = "its command line has changed"
	for name, c := range map[string]struct {
		manager string
		old     *order
		edit    func(string) string // of the old file
		want    string
	}{
		"nothing":              {"systemd", nil, same, ""},
		"a comment":            {"systemd", nil, replaced("# 5: the", "# The"), ""},
		"the unit's part":      {"systemd", nil, replaced("Description=TCP", "Description=A"), ""},
		"the manager's part":   {"systemd", nil, replaced("TasksMax=22000", "TasksMax=9"), ""},
		"a limit":              {"systemd", nil, replaced("LimitNOFILE=131072", "LimitNOFILE=9"), "LimitNOFILE has changed"},
		"a setting less":       {"systemd", nil, replaced("PrivateDevices=yes\n", ""), "PrivateDevices has changed"},
		"a setting more":       {"systemd", nil, replaced("Type=notify\n", "Type=notify\nNice=3\n"), "Nice has changed"},
		"an argument":          {"systemd", orderFor(t, "systemd", "www", "80", "10.0.0.2"), same, another},
		"an argument more":     {"systemd", orderFor(t, "systemd", "www", "80", "10.0.0.1", "x"), same, another},
		"another user":         {"systemd", orderFor(t, "systemd", "adm", "80", "10.0.0.1"), same, "User has changed"},
		"the program":          {"systemd", nil, replaced("/usr/local/sbin/plug", "/sbin/plug"), another},
		"sysv's script":        {"sysv", nil, replaced("left=150", "left=100"), ""},
		"sysv's arguments":     {"sysv", orderFor(t, "sysv", "www", "80", "10.0.0.2"), same, another},
		"sysv's user":          {"sysv", orderFor(t, "sysv", "adm", "80", "10.0.0.1"), same, another},
		"openrc's script":      {"openrc", nil, replaced("need net", "use net"), ""},
		"openrc's arguments":   {"openrc", orderFor(t, "openrc", "www", "80", "a b"), same, another},
		"rc's script":          {"rc", nil, replaced("# PROVIDE", "# Provide"), ""},
		"rc's arguments":       {"rc", orderFor(t, "rc", "www", "81", "10.0.0.1"), same, another},
		"nothing of openrc's":  {"openrc", nil, same, ""},
		"somebody's ExecStart": {"systemd", nil, replaced("ExecStart=/", "ExecStart=/bin/env /"), another},
	} {
		is := orderFor(t, c.manager, "www", "80", "10.0.0.1")
		if c.old == nil {
			c.old = is
		}
		old := c.edit(rendered(t, c.old, checked{Source: "80"}))
		p, err := makePlan(is, says(checked{Source: "80"}))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.restartFor(old, rendered(t, is, checked{Source: "80"})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
