// The control socket: --control, --control-group, and the default path.

package config

import (
	"errors"
	"fmt"
	"path/filepath"
)

// MaxControl is the longest path of a control socket, in bytes: the address of a unix
// socket has room for 104 (unix(4)) or 108 (unix(7)), and while the socket is being made
// it has another, longer name in the same directory.
const MaxControl = 90

// noControl is the value of --control for a plug without a control socket.
const noControl = "none"

// parseControl reads --control: a path in a directory that exists at the start, or
// "none".
func parseControl(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("expected the path of a socket or \"none\"")
	case len(text) > MaxControl:
		return "", fmt.Errorf("the path of a socket must be at most %d bytes long", MaxControl)
	}
	return text, nil
}

// parseGroup reads --control-group: a group's name or number.
func parseGroup(text string, system *System) (*Group, error) {
	if text == "" {
		return nil, errors.New("expected the name or number of a group")
	}
	gid, err := groupID(text, system)
	if err != nil {
		return nil, err
	}
	return &Group{Name: text, GID: gid}, nil
}

// settleControl gives a plug without a --control the socket at which plugctl finds it,
// and checks that there is a socket to give to the group.
func (d *Draft) settleControl() {
	switch d.Control {
	case noControl:
		d.Control = ""
	case "":
		if d.system.RunDir == "" {
			break
		}
		path := filepath.Join(d.system.RunDir, fileName(d.Name)+".ctl")
		if len(path) <= MaxControl {
			d.Control, d.ControlDefault = path, true
		}
	}
	if d.ControlGroup != nil && d.Control == "" {
		d.report(&Problem{Option: "control-group", Value: d.ControlGroup.Name, Reason: "there is no control socket; add --control PATH"})
	}
}

// fileName is a label in which each byte that might have a meaning in a path, to a shell
// or on a terminal is replaced by "_".
func fileName(label string) string {
	name := []byte(label)
	for i, c := range name {
		if !isLetter(rune(c)) && !isDigits(string(c)) && c != '.' && c != '_' && c != '-' {
			name[i] = '_'
		}
	}
	return string(name)
}

// runDir is where plugs have their control sockets unless another path is given: a
// directory of root's, or one in the user's own runtime directory; "" if there is
// neither.
func runDir(goos string, euid int, userDir string) string {
	switch {
	case euid != 0 && !filepath.IsAbs(userDir):
		return ""
	case euid != 0:
		return filepath.Join(userDir, "plug")
	case goos == "linux":
		return "/run/plug"
	}
	return "/var/run/plug"
}
