// Installing, removing, starting and stopping a service.

package service

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	kardianos "github.com/kardianos/service"
)

// unit is one service on this system, installed or to be installed.
type unit struct {
	manager *manager
	name    string
	file    string
	through kardianos.Service
}

// newUnit takes the text to install; "" is for an installed service.
func newUnit(m *manager, name, program, text string) (*unit, error) {
	system, err := m.system()
	if err != nil {
		return nil, err
	}
	// The text goes in as one value, so that kardianos/service does not
	// interpret anything in it, such as braces in an argument, as a template.
	// Its FreeBSD part has no description.
	through, err := system.New(nil, &kardianos.Config{
		Name: name, Executable: program, Description: text, WorkingDirectory: text,
		Option: kardianos.KeyValue{m.option: wholeText(m)},
	})
	return &unit{manager: m, name: name, file: m.file(name), through: through}, err
}

func wholeText(m *manager) string {
	if m.platform == "freebsd" {
		return "{{WorkingDirectory}}"
	}
	return "{{Description}}"
}

// ours returns an error if the service does not exist or was not made by
// plugctl.
func (u *unit) ours() error {
	text, err := os.ReadFile(u.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--name %s: %s does not exist; expected the name of an installed service", u.name, u.file)
	case err != nil:
		return err
	case !strings.Contains(string(text), mark):
		return fmt.Errorf("--name %s: %s was not created by plugctl; expected the name of a service that was", u.name, u.file)
	}
	return nil
}

// install writes the file and registers the service with the manager. On a
// failure it removes the file.
func (u *unit) install(text string) error {
	if _, err := os.Lstat(u.file); err == nil {
		return fmt.Errorf("--name %s: %s already exists; use another name, or uninstall it first", u.name, u.file)
	}
	if err := os.MkdirAll(filepath.Dir(u.file), 0o755); err != nil {
		return err
	}
	err := u.through.Install()
	if err == nil {
		var got []byte
		if got, err = os.ReadFile(u.file); err == nil && string(got) != text {
			err = errors.New("its content is not what was written")
		}
	}
	if err != nil {
		os.Remove(u.file)
		return fmt.Errorf("installing %s: %w", u.file, err)
	}
	return nil
}

func (u *unit) uninstall() error {
	if is, _ := u.status(); is == kardianos.StatusRunning {
		return fmt.Errorf("--name %s: it is running; stop it first: plugctl service stop --name %s", u.name, u.name)
	}
	if err := u.through.Uninstall(); err != nil {
		return fmt.Errorf("uninstalling %s: %w", u.file, err)
	}
	if u.manager.name != "sysv" {
		return nil
	}
	// kardianos/service does not remove the links that it made for the
	// runlevels.
	for _, pattern := range []string{"/etc/rc?.d/S50", "/etc/rc?.d/K02"} {
		links, _ := filepath.Glob(pattern + u.name)
		for _, link := range links {
			if to, err := os.Readlink(link); err == nil && to == u.file {
				os.Remove(link)
			}
		}
	}
	return nil
}

// act does start, stop or restart. On a failure the error says where to look,
// since kardianos/service drops the manager's own message.
func (u *unit) act(verb string) error {
	err := map[string]func() error{"start": u.through.Start, "stop": u.through.Stop, "restart": u.through.Restart}[verb]()
	if err != nil {
		return fmt.Errorf("%s of %s: %w; see: %s", verb, u.name, err, fmt.Sprintf(u.manager.log, u.name))
	}
	return nil
}

// status is running or stopped; for other states it returns an error.
func (u *unit) status() (kardianos.Status, error) {
	is, err := u.through.Status()
	died := errors.New("it ended without being stopped")
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch exit.ExitCode() { // LSB: 1 and 2 are dead, but a pidfile or lock file is left
		case 3:
			return kardianos.StatusStopped, nil
		case 1, 2:
			return kardianos.StatusStopped, died
		}
	}
	if err != nil && strings.HasSuffix(err.Error(), "exit status 32") { // OpenRC: crashed, as kardianos/service reports it
		return kardianos.StatusStopped, died
	}
	return is, err
}

// checkUser returns an error unless the account exists.
func checkUser(nameGroup string) error {
	name, group, _ := strings.Cut(nameGroup, ":")
	if _, err := user.Lookup(name); err != nil {
		if _, err := user.LookupId(name); err != nil {
			return fmt.Errorf("--user %q: no such account; expected an existing one", name)
		}
	}
	if group == "" {
		return nil
	}
	if _, err := user.LookupGroup(group); err != nil {
		if _, err := user.LookupGroupId(group); err != nil {
			return fmt.Errorf("--user %q: no such group %q; expected an existing one", nameGroup, group)
		}
	}
	return nil
}
