// The supported service managers, and where each has its files.

package service

import (
	"fmt"
	"slices"
	"strings"

	kardianos "github.com/kardianos/service"
)

// manager is one kind of service manager.
type manager struct {
	name       string // --manager
	platform   string // its name in kardianos/service
	template   string // template of its file, under files/
	path       string // path of its file; %s is the service's name
	option     string // option of kardianos/service for the template
	run        string // directory of its pidfiles
	foreground bool   // plug runs with -n
	quote      func(arg string) string
	after      string // what the admin has to do after the installation
	log        string // where to find the reason if plug does not start
}

var managers = []manager{
	{name: "systemd", platform: "linux-systemd", template: "systemd.unit", path: "/etc/systemd/system/%s.service", option: "SystemdScript",
		run: "/run/", foreground: true, quote: quoteSystemd, log: "journalctl -u %s.service"},
	{name: "openrc", platform: "linux-openrc", template: "openrc.sh", path: "/etc/init.d/%s", option: "OpenRCScript",
		run: "/run/", quote: quoteShell, log: "/etc/init.d/%s start"},
	{name: "sysv", platform: "unix-systemv", template: "sysv.sh", path: "/etc/init.d/%s", option: "SysvScript",
		run: "/run/", quote: quoteShell, log: "/etc/init.d/%s start"},
	{name: "rc", platform: "freebsd", template: "rc.sh", path: "/usr/local/etc/rc.d/%s", option: "SysvScript",
		run: "/var/run/", quote: quoteShell, log: "service %s start", after: "sysrc %s_enable=YES"},
}

func (m *manager) file(name string) string { return fmt.Sprintf(m.path, name) }

// findManager returns the manager with this name, or this system's own for "".
func findManager(name string) (*manager, error) {
	var names []string
	for i := range managers {
		m := &managers[i]
		if name == m.name || name == "" && kardianos.Platform() == m.platform {
			return m, nil
		}
		names = append(names, m.name)
	}
	if name == "" {
		return nil, fmt.Errorf("this system's service manager is %q; expected --manager %s", kardianos.Platform(), strings.Join(names, "|"))
	}
	return nil, fmt.Errorf("--manager %q: expected %s", name, strings.Join(names, ", "))
}

// system returns kardianos/service's driver for the manager on this system.
func (m *manager) system() (kardianos.System, error) {
	all := kardianos.AvailableSystems()
	i := slices.IndexFunc(all, func(s kardianos.System) bool { return s.String() == m.platform })
	if i < 0 {
		return nil, fmt.Errorf("--manager %s: not on this system; install --dry-run shows its file", m.name)
	}
	return all[i], nil
}
