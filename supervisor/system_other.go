//go:build !linux

package supervisor

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

// replace makes one descriptor another one's file, at once for everybody who
// uses its number (dup2(2)).
func replace(fd, at int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	err := unix.Dup2(fd, at)
	unix.CloseOnExec(at)
	return err
}

func socket(family, kind int) (int, error) {
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

func pipe(fds []int) error {
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

func socketpair(fds *[2]int) error {
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

// queued reports whether clients wait at a listener: 1 is one or more.
func queued(listener int) int {
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

func taskLimitNames() []string { return []string{"RLIMIT_NPROC (ulimit -u)"} }

// forgetEnd has nothing to do here: no process can end another one's socket so
// that more than listen(2) is needed.
func forgetEnd(listener int) {}

// havePidfds reports that workers come with a pidfd: there are none here.
const havePidfds = false

func signalWorker(c *child, s unix.Signal) { unix.Kill(c.pid, s) }

// parentOf can't be told here: a new master that goes on after a failed handover
// ends when it reads why.
func parentOf(pid int) int { return 0 }

// strangeChild can't be told either.
func strangeChild() int { return 0 }

// countsQueue reports that queued counts, and does not only look.
const countsQueue = false

// isStopped can't be told here: a worker that was sent STOP is taken to obey in
// the time that it has for it.
func isStopped(pid int) bool { return false }

// blockTTOU does nothing: Go has no thread's signal mask here. See stopsWriters.
func blockTTOU() {}

// stopsWriters reports whether a terminal would send this process TTOU for a
// write: it would pause the plug, so what was to be written is dropped.
func stopsWriters(fd int) bool {
	attributes, err := unix.IoctlGetTermios(fd, unix.TIOCGETA)
	if err != nil || attributes.Lflag&unix.TOSTOP == 0 {
		return false
	}
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// openAgain is not possible: /dev/fd/N is the same open file (fd(4)).
func openAgain(int, *unix.Stat_t) (int, error) { return -1, unix.ENXIO }

func bindToIndex(int, uint32) error { return unix.ENOTSUP }
