// The user that workers run as: --user.

package config

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// parseUser reads --user: NAME or UID, and :GROUP or :GID for a primary group other than
// the account's. Supplementary groups are the account's in either case, as initgroups(3)
// sets them. A UID without an account must be given with its group, and has no other.
// Only root may use this option.
func parseUser(text string, system *System) (*User, error) {
	name, group, colon := strings.Cut(text, ":")
	if name == "" || colon && group == "" {
		return nil, errors.New("expected NAME or NAME:GROUP; numeric IDs are accepted")
	}
	if system.EUID != 0 {
		return nil, errors.New("only root may start workers as another user")
	}
	user, err := account(name, colon, system)
	if err != nil || !colon {
		return user, err
	}
	gid, err := groupID(group, system)
	if err != nil {
		return nil, err
	}
	// The old primary group came first; it is dropped, as login(1) would do.
	rest := slices.DeleteFunc(user.Groups[min(1, len(user.Groups)):], func(g uint32) bool { return g == gid })
	user.GID, user.Groups = gid, append([]uint32{gid}, rest...)
	return user, nil
}

func account(name string, hasGroup bool, system *System) (*User, error) {
	user, err := system.User(name)
	if err != nil {
		return nil, err
	}
	if user != nil {
		return user, nil
	}
	uid, numeric := parseID(name)
	switch {
	case !numeric:
		return nil, errors.New("expected a user that exists on this system, or a number from 0 to 4294967294")
	case !hasGroup:
		return nil, errors.New("no account has this number; expected UID:GID")
	}
	return &User{Name: name, UID: uid}, nil
}

func groupID(name string, system *System) (uint32, error) {
	gid, known, err := system.Group(name)
	if err != nil || known {
		return gid, err
	}
	if gid, numeric := parseID(name); numeric {
		return gid, nil
	}
	return 0, errors.New("expected a group that exists on this system, or a number from 0 to 4294967294")
}

// parseID reads a uid or gid. The highest number is not a valid one: to setresuid(2) it
// means "leave as it is".
func parseID(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n != math.MaxUint32
}
