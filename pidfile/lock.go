package pidfile

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// HeldError says that another live process has the pidfile.
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

// inode tells files apart; while a descriptor of one is open, no other gets
// its numbers.
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

// flock takes the lock without waiting; unix.EWOULDBLOCK if another open file
// has it.
func flock(fd int) error {
	return again(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}

// openFile opens without the traps of a path that anybody may have prepared:
// no link is followed, no pipe waited for, no terminal acquired.
func openFile(path string, flags int) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, mode)
		return err
	})
	return fd, err
}

// seize opens and locks the file that is at the path now. It returns
// unix.ENOENT, errMoved, a *HeldError, or a bare reason; the descriptor is the
// caller's.
func (f *File) seize() (int, inode, error) {
	if err := checkRegular(f.path); err != nil {
		return -1, inode{}, err
	}
	fd, denied := openFile(f.path, unix.O_RDWR)
	if denied != nil {
		if denied != unix.EACCES && denied != unix.EROFS {
			return -1, inode{}, denied
		}
		// Not ours to write; but if it is held, that is the better reason.
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

// confirm locks fd and makes sure that the path still names it: between open
// and lock its holder may have replaced or removed it.
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

// Held reports whether a process has the pidfile at path locked, that is, whether
// its PIDs are those of a plug that runs. It may delay a Claim by a moment.
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

// checkRegular refuses what must be neither opened nor replaced.
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

// holder reads the PID in the first line of fd's file; 0 if there is none.
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

// alive reports whether there is a process pid that we can see, and that is not on
// its way out: what is dying has its locks a moment longer than its life.
func alive(pid int) bool {
	return pid > 0 && unix.Kill(pid, 0) != unix.ESRCH && !dying(pid)
}

// again repeats a call that a signal interrupted, as network filesystems let
// happen to calls that elsewhere never wait.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
