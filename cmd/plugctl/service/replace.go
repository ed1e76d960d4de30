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

// What install has done.
const (
	installed = "installed"
	unchanged = "unchanged"
	replaced  = "replaced"
)

// deed is what install has done, and what that was for a service that runs.
type deed struct{ did, running string }

// place has the service's file say text: what it says already stays, and other
// text of plugctl's is replaced if that is asked for.
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

// replace has the manager know the new text, and a running service restart if
// there is a reason for that. After a failure the old text is there again. It
// returns what that was for a service that runs.
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

// said is what install has done, and what is left to do.
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

// told prints what a verb has done; with --json also whether it has changed
// anything.
func (u *unit) told(cmd *cobra.Command, changed bool, said string) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON { // a flag of the root's
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"version": control.Version, "done": true, "changed": changed, "said": said,
			"service": map[string]string{"name": u.name, "manager": u.manager.name, "file": u.file}})
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), said)
	return err
}
