// Which changes of a unit need a restart of the service.

package service

import (
	"slices"
	"strings"
)

// reloaded are the settings of a unit's [Service] section that apply to a
// running service after a reload of systemd: all others apply only at its
// start.
var reloaded = []string{"ExecReload", "KillMode", "NotifyAccess", "Restart", "RestartPreventExitStatus", "RestartSec",
	"TasksMax", "TimeoutStartSec", "TimeoutStopSec"}

// restartFor is why a running service must be restarted to apply a new text,
// or "". An upgrade would keep the command line and everything that systemd
// has set for the process.
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

// settings returns what a unit sets for its process; nothing for a script.
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
