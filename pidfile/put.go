// One Write: replacing the file by a new inode, or finding out why that fails.

package pidfile

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errMoved means that the path has been given another file since, which is
// only a reason to try again.
var errMoved = errors.New("other processes keep replacing the file")

// put makes the buffer the file's content, and takes the file if we do not
// hold it. It returns errMoved, a *HeldError, or a bare reason.
//
//	The new inode is complete and locked before it gets the path's name, and
//
// the old one is released only afterwards, so no starter ever finds the path
// unlocked.
func (f *File) put() error {
	mine, err := f.owns()
	if err != nil {
		return err
	}
	if mine && f.reason != "" {
		return f.rewrite()
	}

	// Before the stale file is locked, so that the lock is held as briefly as
	// possible: see settle.
	t, err := makeTemp(f.path, f.buf)
	why := unmakeable(f.path, err)
	if err != nil && mine && short(err) {
		if f.fits(len(f.buf)) {
			return f.rewrite() // through the descriptor that we have, just this once
		}
		f.rewriteFirst()
		return err
	}
	if err != nil && why == "" {
		return err
	}
	defer t.drop()

	old, id := f.fd, f.id
	if !mine {
		old, id, err = f.seize()
		if err == unix.ENOENT {
			return f.create(t, why)
		}
		if err != nil {
			return err
		}
	}
	if t != nil {
		err = unix.Rename(t.name, f.path)
		if err == nil {
			f.hold(t.keep())
			if !mine {
				f.retire(old)
			}
			return nil
		}
		if why = unreplaceable(err); why == "" {
			if !mine {
				_ = unix.Close(old)
			}
			return err
		}
	}
	f.hold(old, id)
	f.reason = why
	return f.rewrite()
}

// create gives t the path, which must not exist. t is nil if no temporary file
// could be made; why is the reason.
func (f *File) create(t *temp, why string) error {
	if t == nil {
		return errors.New(why)
	}
	err := renameNoReplace(t.name, f.path)
	if err == unix.EEXIST {
		return errMoved
	}
	if err != nil {
		return err
	}
	f.hold(t.keep())
	return nil
}

// owns reports whether the path names the inode that we hold.
func (f *File) owns() (bool, error) {
	if f.fd < 0 {
		return false, nil
	}
	id, err := identifyPath(f.path)
	if err == unix.ENOENT {
		return false, nil
	}
	return err == nil && id == f.id, err
}

// hold takes ownership of fd and releases the previous descriptor.
func (f *File) hold(fd int, id inode) {
	if f.fd >= 0 && f.fd != fd {
		f.retire(f.fd)
	}
	f.fd, f.id, f.reason = fd, id, ""
}

// short reports that there was no room or descriptor for another file. The one
// that we have can still be rewritten, although that is worse.
func short(err error) bool {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return errno == unix.EMFILE || errno == unix.ENFILE || errno == unix.ENOSPC || errno == unix.EDQUOT
}

// fits reports whether n bytes can be written in place without more disk
// space: the file is that long already, or has blocks for them.
func (f *File) fits(n int) bool {
	var s unix.Stat_t
	return unix.Fstat(f.fd, &s) == nil && int64(n) <= max(s.Size, 512*s.Blocks)
}

// Current reports whether the path still names this file. If not, the file was
// removed or replaced, which the next Write repairs, or a link in the path
// leads elsewhere, which is a case for Follow.
func (f *File) Current() bool {
	if to, err := resolve(f.abs); err == nil && to != f.path {
		f.target = to
		return false
	}
	mine, err := f.owns()
	return mine && err == nil
}

// unmakeable returns why we may not create files in a directory, which is a
// reason to write in place; for every other error it returns "".
func unmakeable(path string, err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		switch errno {
		case unix.EACCES, unix.EPERM, unix.EROFS:
			return fmt.Sprintf("directory %s is not writable (%s)", dirOf(path), errno)
		}
	}
	return ""
}

// unreplaceable does the same for a file that rename(2) could not replace.
func unreplaceable(err error) string {
	switch err {
	case unix.EBUSY:
		return "the path is a mount point"
	case unix.EXDEV:
		return "the file is on a different file system from its directory"
	case unix.EACCES, unix.EPERM:
		return fmt.Sprintf("its directory does not allow replacing it (%s)", err)
	}
	return ""
}
