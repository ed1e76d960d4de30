// What the shepherd needs from Linux: stray descriptors, orphans, socket
// pairs.

package shepherd

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// hideStrays keeps the descriptors that this process was started with, except
// the three standard ones, from the master, and so from every worker
// (close_range(2)).
func hideStrays() {
	if unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	names, _ := os.ReadDir("/proc/self/fd") // Linux 5.10 knows no CLOSE_RANGE_CLOEXEC
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// adoptOrphans makes this process the parent of its descendants' orphans
// (prctl(2) PR_SET_CHILD_SUBREAPER).
func adoptOrphans() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// makerOf is the PID of the process that made a socket pair; 0 if it is not
// known.
func makerOf(fd int) int {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0
	}
	return int(cred.Pid)
}

func dup(from, to int) error { return unix.Dup3(from, to, 0) }
