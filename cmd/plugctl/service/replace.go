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

// place has the service's file say text: what it says already stays, and other
// text of plugctl's is replaced if that is asked for.
func (u *unit) place(text string, replace bool) (did string, err error) {
	old, err := os.ReadFile(u.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return installed, u.install(text)
	case err != nil:
		return "", err
	case string(old) == text:
		return unchanged, nil
	}
	if err := u.ours(); err != nil {
		return "", err
	}
	if !replace {
		return "", fmt.Errorf("--name %s: %s is there already and says something else; want --replace to replace it, or another name", u.name, u.file)
	}
	return replaced, u.replace(text, old)
}

// replace has the manager know the new text, and a running service restart: an
// upgrade would keep the command line of the old one. After a failure the old
// text is there again.
func (u *unit) replace(text string, old []byte) error {
	info, err := os.Stat(u.file)
	if err != nil {
		return err
	}
	is, _ := u.status()
	if err := os.Remove(u.file); err != nil {
		return err
	}
	if err := u.install(text); err != nil {
		return errors.Join(err, os.WriteFile(u.file, old, info.Mode().Perm()))
	}
	if is != kardianos.StatusRunning {
		return nil
	}
	if err := u.act("restart"); err != nil {
		return fmt.Errorf("%s is replaced, but %w", u.file, err)
	}
	return nil
}

// said is what install has done, and what is left to do.
func (u *unit) said(did string, p *plan) string {
	lines := []string{fmt.Sprintf("%s: %s as %s", u.name, did, u.file)}
	if did == unchanged {
		lines[0] = fmt.Sprintf("%s: unchanged, %s", u.name, u.file)
	}
	if did != installed {
		return lines[0]
	}
	if p.Socket {
		lines = append(lines, fmt.Sprintf("it listens on a socket of yours: write /etc/systemd/system/%s.socket", u.name))
	}
	if u.manager.after != "" {
		lines = append(lines, fmt.Sprintf("to have it started with the system: "+u.manager.after, p.Variable()))
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
