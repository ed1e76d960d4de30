package config

import (
	"errors"
	"fmt"
)

// MaxControl is the longest path of a control socket, in bytes: an address of a
// unix socket has 104 (unix(4)) or 108 (unix(7)), and while it is being made the
// socket has another name beside it.
const MaxControl = 90

// ParseControl reads --control: a path in a directory that is there at the start.
func ParseControl(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("want a path for the socket")
	case len(text) > MaxControl:
		return "", fmt.Errorf("want a path of at most %d bytes, as the address of a socket has no room for more", MaxControl)
	}
	return text, nil
}

// ParseGroup reads --control-group: a group's name or number.
func ParseGroup(text string, system *System) (*Group, error) {
	if text == "" {
		return nil, errors.New("want a group's name or number")
	}
	gid, err := groupID(text, system)
	if err != nil {
		return nil, err
	}
	return &Group{Name: text, GID: gid}, nil
}

// checkControl sees that there is a socket to give to the group.
func (d *Draft) checkControl(*System) *Problem {
	if d.ControlGroup != nil && d.Control == "" {
		return &Problem{Option: "control-group", Value: d.ControlGroup.Name, Reason: "there is no control socket; want --control PATH, too"}
	}
	return nil
}
