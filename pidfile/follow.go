// How a pidfile moves when a symbolic link in its path is changed.

package pidfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Follow moves the pidfile to where the links in the path now lead, if Current
// has found that this is another place than before. It claims that path as a
// start would, with these PIDs, and only then gives up the old one. After an
// error, such as a *HeldError, f still has the old file, and Current will
// report the same again.
func (f *File) Follow(pids []int) error {
	if f.target == "" {
		return nil
	}
	next := &File{given: f.given, abs: f.abs, path: f.target, fd: -1, closeFD: f.closeFD}
	f.target = ""
	if err := next.write(pids); err != nil {
		return err
	}
	if mine, _ := f.owns(); mine && unix.Unlink(f.path) != nil {
		_ = unix.Ftruncate(f.fd, 0) // no reader takes the old PIDs for live ones
	}
	f.retire(f.fd)
	f.path, f.fd, f.id, f.reason = next.path, next.fd, next.id, next.reason
	return nil
}

// strayed notes for Follow that the path does not lead to the file that was
// handed over, and where that file lies.
func (f *File) strayed() {
	if mine, err := f.owns(); mine || err != nil {
		return
	}
	was, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.fd))
	if err != nil {
		return
	}
	if id, err := identifyPath(was); err == nil && id == f.id {
		f.target, f.path = f.path, was
	}
}
