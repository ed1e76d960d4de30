// Replacing the file of an installed service, with a way back.

package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	kardianos "github.com/kardianos/service"
	"github.com/spf13/cobra"

	"daemon/plug/supervisor/control"
)

// The results of install.
const (
	installed = "installed"
	unchanged = "unchanged"
	replaced  = "replaced"
)

// deed is the result of install, and its effect on a running service.
type deed struct{ did, running string }

// place makes text the content of the service's file: if it is already,
// nothing changes; another text of plugctl's is replaced if replace is set.
func (u *unit) place(p *plan, text string, replace bool) (deed, error) {
	old, err := os.ReadFile(u.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return deed{did: installed}, u.install(text)
	case err != nil:
		return deed{}, err
	case string(old) == text:
		return deed{did: unchanged}, nil
	}
	if err := u.ours(); err != nil {
		return deed{}, err
	}
	if !replace {
		return deed{}, fmt.Errorf("--name %s: %s already exists with different content; use --replace to replace it, or use another name", u.name, u.file)
	}
	running, err := u.replace(text, old, p.restartFor(string(old), text))
	return deed{replaced, running}, err
}

// replace registers the new text with the manager, and restarts a running
// service if there is a reason. On a failure it restores the old text. It
// returns the effect on a running service.
func (u *unit) replace(text string, old []byte, reason string) (running string, err error) {
	info, err := os.Stat(u.file)
	if err != nil {
		return "", err
	}
	is, _ := u.status()
	runs, verb := is == kardianos.StatusRunning, "restart"
	if runs && reason != "" && !u.manager.foreground { // only the old script knows the old pidfile
		if err := u.act("stop"); err != nil {
			return "", err
		}
		verb = "start"
	}
	if err := os.Remove(u.file); err != nil {
		return "", err
	}
	if err := u.install(text); err != nil {
		err = errors.Join(err, os.WriteFile(u.file, old, info.Mode().Perm()))
		if verb == "start" {
			err = errors.Join(err, u.act("start"))
		}
		return "", err
	}
	if !runs {
		return "", nil
	}
	if reason == "" {
		return "not restarted: its process does not change", nil
	}
	if err := u.act(verb); err != nil {
		return "", fmt.Errorf("%s was replaced, but %w", u.file, err)
	}
	return "restarted because " + reason + ": sessions continue until they end, but the new plug does not list them", nil
}

// said describes the result of install, and what the admin has to do next.
func (u *unit) said(done deed, p *plan) string {
	lines := []string{fmt.Sprintf("%s: %s as %s", u.name, done.did, u.file)}
	if done.did == unchanged {
		lines[0] = fmt.Sprintf("%s: unchanged, %s", u.name, u.file)
	}
	if done.running != "" {
		lines = append(lines, u.name+": "+done.running)
	}
	if done.did != installed {
		return strings.Join(lines, "\n")
	}
	if p.Socket {
		lines = append(lines, fmt.Sprintf("it listens on a socket that you define: write /etc/systemd/system/%s.socket", u.name))
	}
	if u.manager.after != "" {
		lines = append(lines, fmt.Sprintf("to start it at boot: "+u.manager.after, p.Variable()))
	}
	return strings.Join(append(lines, "to start it: plugctl service start --name "+u.name), "\n")
}

// told prints the result of a verb; with --json also whether it has changed
// anything.
func (u *unit) told(cmd *cobra.Command, changed bool, said string) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON { // a global flag
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"version": control.Version, "done": true, "changed": changed, "said": said,
			"service": map[string]string{"name": u.name, "manager": u.manager.name, "file": u.file}})
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), said)
	return err
}
