//go:build !linux

// The same calls on the other systems, as far as they exist there. Each comment
// says what cannot be found out.

package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ours makes new descriptors close-on-exec and non-blocking. Not every system can
// do this atomically, so no process is forked meanwhile.
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

// Replace makes the descriptor at refer to the file of fd, atomically for all
// threads that use its number (dup2(2)).
func Replace(fd, at int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	err := unix.Dup2(fd, at)
	unix.CloseOnExec(at)
	return err
}

// Socket makes a non-blocking, close-on-exec socket.
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

// Pipe makes a pipe whose ends are non-blocking and close-on-exec.
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

// Socketpair makes a pair of stream sockets, non-blocking and close-on-exec.
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

// Queued reports whether clients wait at a listener: 1 means one or more.
func Queued(listener int) int {
	set := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	n, err := unix.Poll(set, 0)
	if err != nil || n < 1 || set[0].Revents&unix.POLLIN == 0 {
		return 0
	}
	return 1
}

// holders returns nil: every system has its own way to find them.
func holders(port uint16) []int { return nil }

// taskLimits returns the limits on tasks that apply here. RLIMIT_NPROC counts
// processes, not their threads (setrlimit(2)).
func taskLimits() []int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) != nil || r.Cur > 1<<28 {
		return nil
	}
	return []int{int(r.Cur) * tasksOfWorker}
}

// TaskLimitNames returns the limits on tasks, for an error.
func TaskLimitNames() []string { return []string{"RLIMIT_NPROC (ulimit -u)"} }

// ForgetEnd does nothing: here, no process can shut down another process's socket
// in such a way that listen(2) is not enough.
func ForgetEnd(listener int) {}

// HavePidfds says that workers have no pidfd.
const HavePidfds = false

// Signal signals a worker by its PID.
func Signal(pid, pidfd int, s unix.Signal) { unix.Kill(pid, s) }

// ParentOf returns 0: it cannot be found out here. A new master that remains after
// a failed handover ends when it reads the reason.
func ParentOf(pid int) int { return 0 }

// StrangeChild returns 0 for the same reason.
func StrangeChild() int { return 0 }

// CountsQueue says that Queued returns only whether a client waits, not a count.
const CountsQueue = false

// IsStopped is always false: it cannot be found out here. A worker that was sent
// STOP is assumed to obey in time.
func IsStopped(pid int) bool { return false }

// BlockTTOU does nothing: Go has no access to a thread's signal mask here. See
// StopsWriters.
func BlockTTOU() {}

// StopsWriters reports whether a terminal would send this process TTOU for a
// write. That would pause the plug, so the output is dropped.
func StopsWriters(fd int) bool {
	attributes, err := unix.IoctlGetTermios(fd, unix.TIOCGETA)
	if err != nil || attributes.Lflag&unix.TOSTOP == 0 {
		return false
	}
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// OpenAgain fails: /dev/fd/N is the same open file (fd(4)).
func OpenAgain(int, *unix.Stat_t) (int, error) { return -1, unix.ENXIO }

// BindToIndex fails: it needs Linux.
func BindToIndex(int, uint32) error { return unix.ENOTSUP }
