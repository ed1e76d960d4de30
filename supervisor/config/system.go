// What checking asks the system: accounts, groups, interfaces, addresses.

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"sync"
)

// System answers the questions that checking asks the system, so that a test can answer
// instead.
type System struct {
	EUID int
	// RunDir is where a plug's control socket is unless a path is given; "" if there is
	// no such directory.
	RunDir string
	// Lacks names the options that this build's engine does not have.
	Lacks []string
	// Interface returns an error unless there is an interface with this name or number.
	Interface func(name string) error
	// Local reports whether an address is this system's.
	Local func(addr netip.Addr) bool
	// User finds an account by name, otherwise by number, with all its groups, the
	// primary first; nil if there is none.
	User func(name string) (*User, error)
	// Group finds a group by name, otherwise by number.
	Group func(name string) (gid uint32, known bool, err error)
	// Env is a variable of the environment; nil asks this process's own.
	Env func(name string) (value string, set bool)
}

// cached is a system that is asked each question about accounts and interfaces once.
func (s *System) cached() *System {
	type account struct {
		user *User
		err  error
	}
	users, interfaces, c := make(map[string]account), make(map[string]error), *s
	c.User = func(name string) (*User, error) {
		a, known := users[name]
		if !known {
			a.user, a.err = s.User(name)
			users[name] = a
		}
		if a.user == nil {
			return nil, a.err
		}
		own := *a.user // parseUser may change it
		own.Groups = slices.Clone(own.Groups)
		return &own, a.err
	}
	c.Interface = func(name string) error {
		err, known := interfaces[name]
		if !known {
			err = s.Interface(name)
			interfaces[name] = err
		}
		return err
	}
	return &c
}

// ThisSystem asks the system that plug runs on. If the binary is static, accounts come
// from /etc/passwd and /etc/group: other databases of nsswitch.conf(5) are not read, but
// numbers always work.
func ThisSystem() *System {
	return &System{EUID: os.Geteuid(), RunDir: runDir(runtime.GOOS, os.Geteuid(), os.Getenv("XDG_RUNTIME_DIR")),
		Interface: findInterface, Local: localTo(sync.OnceValues(net.InterfaceAddrs)), User: findUser, Group: findGroup}
}

func findInterface(name string) error {
	_, err := net.InterfaceByName(name)
	if err == nil {
		return nil
	}
	if index, isNumber := strconv.Atoi(name); isNumber == nil {
		if _, err := net.InterfaceByIndex(index); err == nil {
			return nil
		}
	}
	return fmt.Errorf("this system has no interface %s", name)
}

func findUser(name string) (*User, error) {
	found, err := user.Lookup(name)
	if unknown(err) && isDigits(name) {
		found, err = user.LookupId(name)
	}
	switch {
	case unknown(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up the user: %w", err)
	}
	ids, err := found.GroupIds()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking up the user's groups: %w", err)
	}
	uid, ok1 := parseID(found.Uid)
	gid, ok2 := parseID(found.Gid)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("the account has the invalid IDs %s:%s", found.Uid, found.Gid)
	}
	out := &User{Name: found.Username, UID: uid, GID: gid, Groups: []uint32{gid}}
	for _, id := range ids {
		if g, ok := parseID(id); ok && g != gid {
			out.Groups = append(out.Groups, g)
		}
	}
	return out, nil
}

func findGroup(name string) (gid uint32, known bool, err error) {
	found, err := user.LookupGroup(name)
	if unknown(err) && isDigits(name) {
		found, err = user.LookupGroupId(name)
	}
	switch {
	case unknown(err):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("looking up the group: %w", err)
	}
	gid, known = parseID(found.Gid)
	return gid, known, nil
}

// unknown reports whether a database has no such entry, or does not exist, as in a
// container without /etc/passwd.
func unknown(err error) bool {
	var name user.UnknownUserError
	var id user.UnknownUserIdError
	var group user.UnknownGroupError
	var groupID user.UnknownGroupIdError
	return errors.As(err, &name) || errors.As(err, &id) || errors.As(err, &group) ||
		errors.As(err, &groupID) || errors.Is(err, fs.ErrNotExist)
}
