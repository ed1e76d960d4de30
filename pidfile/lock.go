// The lock of a pidfile: opening and locking it, and finding out who holds it.

package pidfile

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// HeldError means that another live process has the pidfile.
type HeldError struct {
	Path string // as it was given to Claim or Adopt
	PID  int    // the holder as its file names it; 0 if the file names none
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("pidfile %s: locked by another process", e.Path)
	}
	return fmt.Sprintf("pidfile %s: held by process %d", e.Path, e.PID)
}

// inode identifies a file; as long as one of its descriptors is open, no other
// file gets the same numbers.
type inode struct{ dev, ino uint64 }

func identify(fd int) (inode, error) {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return inode{}, err
	}
	return inode{uint64(st.Dev), uint64(st.Ino)}, nil
}

func identifyPath(path string) (inode, error) {
	var st unix.Stat_t
	if err := again(func() error { return unix.Lstat(path, &st) }); err != nil {
		return inode{}, err
	}
	return inode{uint64(st.Dev), uint64(st.Ino)}, nil
}

// flock takes the lock without waiting. It returns unix.EWOULDBLOCK if another
// open file has the lock.
func flock(fd int) error {
	return again(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}

// openFile avoids the traps of a path that anyone may have prepared: it
// follows no link, waits for no pipe and acquires no terminal.
func openFile(path string, flags int) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, mode)
		return err
	})
	return fd, err
}

// seize opens and locks the file that the path names now. It returns
// unix.ENOENT, errMoved, a *HeldError, or a bare reason; the caller owns the
// descriptor.
func (f *File) seize() (int, inode, error) {
	if err := checkRegular(f.path); err != nil {
		return -1, inode{}, err
	}
	fd, denied := openFile(f.path, unix.O_RDWR)
	if denied != nil {
		if denied != unix.EACCES && denied != unix.EROFS {
			return -1, inode{}, denied
		}
		// We cannot write it; but if it is held, that is the better reason.
		var err error
		if fd, err = openFile(f.path, unix.O_RDONLY); err != nil {
			return -1, inode{}, denied
		}
	}
	id, err := f.confirm(fd)
	if err == nil {
		err = denied
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, inode{}, err
	}
	return fd, id, nil
}

// confirm locks fd and makes sure that the path still names it: its holder may
// have replaced or removed it between open and lock.
func (f *File) confirm(fd int) (inode, error) {
	if err := flock(fd); err == unix.EWOULDBLOCK {
		return inode{}, &HeldError{Path: f.given, PID: holder(fd)}
	} else if err != nil {
		return inode{}, fmt.Errorf("flock: %w", err)
	}
	id, err := identify(fd)
	if err != nil {
		return inode{}, err
	}
	now, err := identifyPath(f.path)
	if err == unix.ENOENT || err == nil && now != id {
		return inode{}, errMoved
	}
	return id, err
}

// Held reports whether a process holds the lock of the pidfile at path, which
// means that its PIDs belong to a running plug. It may briefly delay a Claim.
func Held(path string) (bool, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	err = again(func() error { return unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return true, nil
	}
	return false, err
}

// checkRegular returns an error for a file that must be neither opened nor
// replaced.
func checkRegular(path string) error {
	var st unix.Stat_t
	if err := again(func() error { return unix.Lstat(path, &st) }); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFDIR:
		return unix.EISDIR
	}
	return errors.New("is not a regular file")
}

// holder returns the PID in the first line of fd's file, or 0.
func holder(fd int) int {
	var b [32]byte
	n, err := unix.Pread(fd, b[:], 0)
	if err != nil {
		return 0
	}
	pids, err := Parse(b[:bytes.IndexByte(b[:n], '\n')+1])
	if err != nil {
		return 0
	}
	return pids[0]
}

// alive reports whether there is a process pid that we can see and that is not
// about to end: a dying process keeps its locks a little longer than its
// memory.
func alive(pid int) bool {
	return pid > 0 && unix.Kill(pid, 0) != unix.ESRCH && !dying(pid)
}

// again repeats a call that a signal has interrupted. On network filesystems
// this happens to calls that never wait elsewhere.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
