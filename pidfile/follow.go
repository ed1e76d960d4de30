package pidfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Follow goes to where the links at the path lead by now, if Current has found
// that this is another place than before: it claims that path as a start would,
// with these PIDs, and gives the old one up only then. After an error, such as a
// *HeldError, the old file is still ours, and Current will find the same again.
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
		_ = unix.Ftruncate(f.fd, 0) // no reader takes the PIDs of the past for living ones
	}
	f.retire(f.fd)
	f.path, f.fd, f.id, f.reason = next.path, next.fd, next.id, next.reason
	return nil
}

// strayed notes that the path leads elsewhere than to the file that was handed
// over, and where that lies, for Follow.
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
