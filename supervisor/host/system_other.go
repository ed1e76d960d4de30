//go:build !linux

// The same calls on the other systems, as far as they exist there; what cannot be
// told is documented with each.

package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ours makes new descriptors close-on-exec and not blocking. Not every system
// makes them so at once, so no process is forked meanwhile.
func ours(open func() ([]int, error)) ([]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := open()
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return nil, err
	}
	return fds, nil
}

// Replace makes one descriptor another one's file, at once for everybody who
// uses its number (dup2(2)).
func Replace(fd, at int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	err := unix.Dup2(fd, at)
	unix.CloseOnExec(at)
	return err
}

// Socket makes a socket that is not blocking and close-on-exec.
func Socket(family, kind int) (int, error) {
	fds, err := ours(func() ([]int, error) {
		fd, err := unix.Socket(family, kind, 0)
		if err != nil {
			return nil, err
		}
		return []int{fd}, nil
	})
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// Pipe makes a pipe whose ends are not blocking and close-on-exec.
func Pipe(fds []int) error {
	made, err := ours(func() ([]int, error) {
		var pair [2]int
		if err := unix.Pipe(pair[:]); err != nil {
			return nil, err
		}
		return pair[:], nil
	})
	copy(fds, made)
	return err
}

// Socketpair makes a pair of stream sockets, not blocking and close-on-exec.
func Socketpair(fds *[2]int) error {
	made, err := ours(func() ([]int, error) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return nil, err
		}
		return pair[:], nil
	})
	copy(fds[:], made)
	return err
}

// Queued reports whether clients wait at a listener: 1 is one or more.
func Queued(listener int) int {
	set := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	n, err := unix.Poll(set, 0)
	if err != nil || n < 1 || set[0].Revents&unix.POLLIN == 0 {
		return 0
	}
	return 1
}

// holders are not known here: what tells them is not the same anywhere.
func holders(port uint16) []int { return nil }

// taskLimits are the limits on tasks that hold here. RLIMIT_NPROC counts
// processes, not their threads (setrlimit(2)).
func taskLimits() []int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) != nil || r.Cur > 1<<28 {
		return nil
	}
	return []int{int(r.Cur) * tasksOfWorker}
}

// TaskLimitNames are the limits on tasks, for an error.
func TaskLimitNames() []string { return []string{"RLIMIT_NPROC (ulimit -u)"} }

// ForgetEnd has nothing to do here: no process can end another one's socket so
// that more than listen(2) is needed.
func ForgetEnd(listener int) {}

// HavePidfds reports that workers come with a pidfd: there are none here.
const HavePidfds = false

// Signal signals a worker by its PID.
func Signal(pid, pidfd int, s unix.Signal) { unix.Kill(pid, s) }

// ParentOf can't be told here: a new master that goes on after a failed handover
// ends when it reads why.
func ParentOf(pid int) int { return 0 }

// StrangeChild can't be told either.
func StrangeChild() int { return 0 }

// CountsQueue reports that Queued counts, and does not only look.
const CountsQueue = false

// IsStopped can't be told here: a worker that was sent STOP is taken to obey in
// the time that it has for it.
func IsStopped(pid int) bool { return false }

// BlockTTOU does nothing: Go has no thread's signal mask here. See StopsWriters.
func BlockTTOU() {}

// StopsWriters reports whether a terminal would send this process TTOU for a
// write: it would pause the plug, so what was to be written is dropped.
func StopsWriters(fd int) bool {
	attributes, err := unix.IoctlGetTermios(fd, unix.TIOCGETA)
	if err != nil || attributes.Lflag&unix.TOSTOP == 0 {
		return false
	}
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// OpenAgain is not possible: /dev/fd/N is the same open file (fd(4)).
func OpenAgain(int, *unix.Stat_t) (int, error) { return -1, unix.ENXIO }

// BindToIndex needs Linux.
func BindToIndex(int, uint32) error { return unix.ENOTSUP }
