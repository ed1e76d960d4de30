// Temporary files next to the pidfile: making them, naming them, and removing
// those that killed processes left.

package pidfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mode is the pidfile's mode, whatever the umask is: monitoring reads it
// unprivileged.
const mode = 0o644

// names limits the temporary names that one process tries. The second name is
// needed only if a process with the same PID, in another PID namespace, uses
// the same directory at the same time.
const names = 8

// temp is a complete, locked file that is going to be the pidfile.
type temp struct {
	name string
	fd   int // owned until keep or drop
	id   inode
}

// makeTemp makes a temporary file with this content next to path.
//
// A name that exists is never opened for writing: it may be a second link to
// another process's live pidfile. If its lock is free, it is unlinked; so
// after making and locking a file, a process checks that the file still has
// its name.
func makeTemp(path string, content []byte) (*temp, error) {
	var err error
	for n := 0; n < names; n++ {
		name := tempName(path, os.Getpid(), n)
		var fd int
		fd, err = openFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		if err == unix.EEXIST && unlinkStale(name) {
			fd, err = openFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		}
		if err == unix.EEXIST {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("directory %s: %w", dirOf(path), err)
		}
		t := &temp{name: name, fd: fd}
		if err = t.secure(); err == errMoved {
			_ = unix.Close(fd) // if the name exists, it is another process's
			continue
		}
		if err == nil {
			_, err = writeAll(fd, content)
		}
		if err != nil {
			t.drop()
			return nil, err
		}
		return t, nil
	}
	return nil, fmt.Errorf("directory %s: temporary file: %w", dirOf(path), err)
}

// secure sets the mode, takes the lock and checks the name; errMoved means
// that a sweep was faster.
func (t *temp) secure() error {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstat(t.fd, &st) }); err != nil {
		return err
	}
	t.id = inode{uint64(st.Dev), uint64(st.Ino)}
	if st.Mode&0o7777 != mode {
		if err := unix.Fchmod(t.fd, mode); err != nil {
			return err
		}
	}
	if err := flock(t.fd); err == unix.EWOULDBLOCK {
		return errMoved
	} else if err != nil {
		return fmt.Errorf("flock: %w", err)
	}
	id, err := identifyPath(t.name)
	if err == unix.ENOENT || err == nil && id != t.id {
		return errMoved
	}
	return err
}

// keep passes the descriptor on, once the file has its final name.
func (t *temp) keep() (int, inode) {
	fd := t.fd
	t.fd = -1
	return fd, t.id
}

// drop removes a file that was not kept. t may be nil.
func (t *temp) drop() {
	if t == nil || t.fd < 0 {
		return
	}
	_ = unix.Unlink(t.name)
	_ = unix.Close(t.fd)
	t.fd = -1
}

// tempName is ".NAME.PID.tmp", the nth one ".NAME.PID.N.tmp". A long NAME is
// truncated, as the whole may have at most 255 bytes.
func tempName(path string, pid, n int) string {
	suffix := strconv.Itoa(pid)
	if n > 0 {
		suffix += "." + strconv.Itoa(n)
	}
	return tempPrefix(path) + suffix + ".tmp"
}

func tempPrefix(path string) string {
	dir, base := filepath.Split(path)
	return dir + "." + base[:min(len(base), 200)] + "."
}

// sweep removes the temporary files that killed processes have left next to
// path.
func sweep(path string) {
	entries, err := os.ReadDir(dirOf(path))
	if err != nil {
		return
	}
	dir, prefix := filepath.Split(tempPrefix(path))
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		if rest, ok = strings.CutSuffix(rest, ".tmp"); ok && strings.Trim(rest, "0123456789.") == "" {
			unlinkStale(dir + e.Name())
		}
	}
}

// unlinkStale unlinks a temporary name whose file is not locked.
func unlinkStale(name string) bool {
	if checkRegular(name) != nil {
		return false
	}
	fd, err := openFile(name, unix.O_RDONLY)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if flock(fd) != nil {
		return false
	}
	id, err := identify(fd)
	if err != nil {
		return false
	}
	if now, err := identifyPath(name); err != nil || now != id {
		return false
	}
	return unix.Unlink(name) == nil
}
