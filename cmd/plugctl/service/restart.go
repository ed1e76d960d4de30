package service

import (
	"slices"
	"strings"
)

// reloaded are the settings of a unit's [Service] that a running service gets by
// a reload of systemd: the others are those of its process, from its start on.
var reloaded = []string{"ExecReload", "KillMode", "NotifyAccess", "Restart", "RestartPreventExitStatus", "RestartSec",
	"TasksMax", "TimeoutStartSec", "TimeoutStopSec"}

// restartFor is why a service that runs by the old text has to restart to be as
// text has it; "" if it need not. An upgrade would keep both the command line and
// what systemd has given the process.
func (p *plan) restartFor(old, text string) string {
	if !p.commandIn(old) {
		return "its command line has changed"
	}
	was, is := settings(old), settings(text)
	for _, s := range slices.Concat(was, is) {
		if !slices.Contains(was, s) || !slices.Contains(is, s) {
			name, _, _ := strings.Cut(s, "=")
			return name + " has changed"
		}
	}
	return ""
}

// commandIn reports whether a file's text runs the plan's command.
func (p *plan) commandIn(text string) bool {
	return strings.Contains(text, "\nExecStart="+p.command+"\n") || strings.Contains(text, "\n\t"+p.command+"\n")
}

// settings are what a unit sets of its process; none where the text is a script.
func settings(text string) (all []string) {
	_, service, _ := strings.Cut(text, "\n[Service]\n")
	service, _, _ = strings.Cut(service, "\n[")
	for line := range strings.Lines(service) {
		line = strings.TrimSpace(line)
		name, _, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(line, "#") && !slices.Contains(reloaded, name) {
			all = append(all, line)
		}
	}
	return all
}
