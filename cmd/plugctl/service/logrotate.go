// The logrotate configuration.

package service

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// rotation is the data of the logrotate snippet.
type rotation struct{ File, User, Group string }

// logrotate returns the snippet for the session file in plug's arguments
// (logrotate(8)).
func logrotate(o *order, c *checked) (string, error) {
	switch {
	case c.SessionLog == "" || c.SessionLog == "-":
		return "", errors.New("PLUG-ARGS: no session file to rotate; add -S FILE")
	case !path.IsAbs(c.SessionLog):
		return "", fmt.Errorf("PLUG-ARGS: -S %q: must be an absolute path", c.SessionLog)
	case strings.ContainsAny(c.SessionLog, "*?[]{}\"\\\n"):
		return "", fmt.Errorf("PLUG-ARGS: -S %q: logrotate would read it as a pattern; expected a path without *?[]{}\"\\", c.SessionLog)
	}
	r := rotation{File: c.SessionLog}
	if o.manager.foreground { // under other managers the master, which opens it, is root
		r.User, r.Group, _ = strings.Cut(o.user, ":")
	}
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, "logrotate", r)
	return b.String(), err
}
