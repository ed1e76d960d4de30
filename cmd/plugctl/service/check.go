// Checking plug's arguments with plug --check.

package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// checked is the output of plug --check for the arguments.
type checked struct {
	Source     string          `json:"source"`
	Pidfile    string          `json:"pidfile"`
	SessionLog string          `json:"session-log"`
	Control    string          `json:"control"`
	Foreground bool            `json:"foreground"`
	User       json.RawMessage `json:"user"`
	Syslog     string          `json:"syslog"`
}

// hasUser reports whether plug's own --user is among the arguments.
func (c *checked) hasUser() bool { return len(c.User) > 0 && string(c.User) != "null" }

// check runs plug --check with the arguments; on an error, its first line is
// the reason.
func check(program string, args []string) (*checked, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(program, append([]string{"--check"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		reason, _, _ := strings.Cut(errs.String(), "\n")
		reason = strings.TrimPrefix(reason, "plug: ")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || reason == "" {
			return nil, fmt.Errorf("%s --check: %w %s", program, err, reason)
		}
		return nil, fmt.Errorf("PLUG-ARGS: %s; expected arguments that plug --check accepts", reason)
	}
	var c checked
	if err := json.Unmarshal(out.Bytes(), &c); err != nil || c.Source == "" {
		return nil, fmt.Errorf("%s --check answered %.80q; --program must name plug", program, out.String())
	}
	return &c, nil
}

// findProgram is the path of plug as services will start it: as given,
// otherwise next to this program, otherwise in PATH. Links are not resolved,
// since an upgrade starts the program at that path then.
func findProgram(given string) (string, error) {
	path := given
	if path == "" {
		if self, err := os.Executable(); err == nil {
			path = filepath.Join(filepath.Dir(self), "plug")
		}
		if _, err := os.Stat(path); err != nil {
			if path, err = exec.LookPath("plug"); err != nil {
				return "", errors.New("plug is neither next to plugctl nor in PATH; use --program PATH")
			}
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if !isPlain(path) {
		return "", fmt.Errorf("--program %q: expected a path of letters, digits and ._/:@+,=-, which every manager accepts", path)
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("--program %q: not an executable file; expected the path of plug", path)
	}
	return path, nil
}
