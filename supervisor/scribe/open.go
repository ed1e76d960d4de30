// A scribe that opens its file itself. A process that has a file open on a disk that is
// away may be unable to end: close(2) may wait for the disk, and no signal ends that wait
// (FUSE_FLUSH, fuse(4)). The master must be able to end, so it never opens such a file.

package scribe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// reportFD is the descriptor to which a scribe that opens its file reports the result.
const reportFD = 1

// Flags opens a session file: for appending, and not for ever if it is a FIFO.
const Flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_NONBLOCK

// Opened is what Open returns: a pipe to the scribe and a channel, like Start, and the
// identity of the file.
type Opened struct {
	Pipe          int
	Ended         <-chan struct{}
	Device, Inode uint64
}

// Open starts a scribe that opens a file for appending and then becomes user; nil is
// this process's own user. It waits until the file is open.
func Open(program, path string, user *syscall.Credential) (o Opened, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return o, err
	}
	defer r.Close()
	o.Pipe, o.Ended, err = start(program, []string{Arg0, path, formatUser(user)}, nil, w.Fd())
	w.Close()
	if err != nil {
		return o, err
	}
	if o.Device, o.Inode, err = readReport(r); err != nil {
		unix.Close(o.Pipe)
	}
	return o, err
}

// open opens the file of a scribe that Open has started, becomes its user, and reports
// the result.
func open(args []string) (fd int, err error) {
	report := os.NewFile(reportFD, "report")
	defer report.Close()
	var st unix.Stat_t
	fd, err = openAs(args, &st)
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = unix.EINVAL
	}
	fmt.Fprintln(report, uint(errno), uint64(st.Dev), uint64(st.Ino))
	return fd, err
}

// openAs does that, but leaves the file open after an error: the process ends then.
func openAs(args []string, st *unix.Stat_t) (fd int, err error) {
	if fd, err = unix.Open(args[0], Flags, 0o644); err != nil {
		return fd, err
	}
	if err = unix.Fstat(fd, st); err != nil || len(args) < 2 || args[1] == "" {
		return fd, err
	}
	return fd, become(args[1])
}

// readReport reads what open has written.
func readReport(r io.Reader) (device, inode uint64, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return 0, 0, err
	}
	var errno uint
	if _, err := fmt.Sscan(string(text), &errno, &device, &inode); err != nil {
		return 0, 0, errors.New("the process that opens it has ended")
	}
	if errno != 0 {
		return 0, 0, syscall.Errno(errno)
	}
	return device, inode, nil
}

// formatUser writes a user for become: the IDs of the user, its group and its other
// groups. The text is empty for nil.
func formatUser(user *syscall.Credential) string {
	if user == nil {
		return ""
	}
	ids := append([]uint32{user.Uid, user.Gid}, user.Groups...)
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ":"), "[]")
}

// become makes this process one of the user that formatUser has written.
func become(text string) error {
	var ids []int
	for field := range strings.SplitSeq(text, ":") {
		var id int
		if _, err := fmt.Sscan(field, &id); err != nil {
			return unix.EINVAL
		}
		ids = append(ids, id)
	}
	if len(ids) < 2 {
		return unix.EINVAL
	}
	if err := syscall.Setgroups(ids[2:]); err != nil {
		return err
	}
	if err := syscall.Setgid(ids[1]); err != nil {
		return err
	}
	return syscall.Setuid(ids[0])
}
