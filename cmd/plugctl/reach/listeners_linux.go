// The sockets on which processes listen, on Linux.

package reach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// listeners returns the paths of the unix sockets on which a process listens.
// A socket's path may differ from the one that it was bound to, since a
// control socket gets its final name only when it listens; so the directory is
// searched for its inode.
func listeners(pid int) ([]string, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	own, err := sockets(dir + "/fd")
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errors.New("no such process, so the file is stale")
	case errors.Is(err, os.ErrPermission):
		return nil, errors.New("this process belongs to another user; run plugctl as root, or give the control socket with -s PATH")
	case err != nil:
		return nil, err
	}
	all, err := listening()
	if err != nil {
		return nil, fmt.Errorf("cannot find its control socket: %w; give it with -s PATH", err)
	}
	cwd, _ := os.Readlink(dir + "/cwd")
	var paths []string
	for _, l := range all {
		if !own[l.socket] {
			continue
		}
		where := filepath.Dir(l.bound)
		if !filepath.IsAbs(where) {
			where = filepath.Join(cwd, where)
		}
		if path := inodeIn(where, l.inode); path != "" {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// boundEarly is the name under which a control socket is bound before it gets
// its own. It distinguishes control sockets from other programs' sockets.
var boundEarly = regexp.MustCompile(`/\.plug[0-9]+$`)

// elsewhere returns the paths of all control sockets of this network
// namespace, in any directory, that this user can see. It does not find the
// socket of a plug that was given a relative path.
func elsewhere() (paths []string) {
	all, err := listening()
	if err != nil {
		return nil
	}
	for _, l := range all {
		if !filepath.IsAbs(l.bound) || !boundEarly.MatchString(l.bound) {
			continue
		}
		if path := inodeIn(filepath.Dir(l.bound), l.inode); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// sockets returns the numbers of the sockets among a process's descriptors.
func sockets(dir string) (map[uint32]bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	numbers := make(map[uint32]bool)
	for _, e := range entries {
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // closed in the meantime
		}
		text, ok := strings.CutPrefix(link, "socket:[")
		if n, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32); ok && err == nil {
			numbers[uint32(n)] = true
		}
	}
	return numbers, nil
}

// inodeIn returns the path of the socket in a directory whose inode has these
// low bits, or "": sock_diag(7) has only the low bits.
func inodeIn(dir string, low uint32) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if e.Type() != os.ModeSocket {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed in the meantime
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && uint32(st.Ino) == low {
			return filepath.Join(dir, e.Name())
		}
	}
	return ""
}
