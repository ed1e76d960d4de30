// Raw calls on any descriptor: read, write, close, pipes, splice, and the clock.
// Those on sockets are in sockets_linux.go.

package kernel

import (
	"syscall"
	"unsafe"
)

const (
	spliceMove     = 1
	spliceNonblock = 2
	pollIn         = 1
	clockMonotonic = 1
)

func call3(n, a, b, c uintptr) (uintptr, syscall.Errno) {
	for {
		r, _, errno := syscall.RawSyscall(n, a, b, c)
		if errno != syscall.EINTR {
			return r, errno
		}
	}
}

// Write is write(2).
func Write(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// Read is read(2).
func Read(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// Close is close(2), which is not repeated: the descriptor is free even after EINTR.
func Close(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

// Replace duplicates a descriptor as number at, closed on exec (dup3(2)).
func Replace(fd, at int) syscall.Errno { return Errno(syscall.Dup3(fd, at, syscall.O_CLOEXEC)) }

// Pipe makes a nonblocking pipe, with room for this many bytes if the user's limit on
// pipes allows it (pipe2(2), F_SETPIPE_SZ).
func Pipe(room int) (r, w int, errno syscall.Errno) {
	var fds [2]int
	if errno := Errno(syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK)); errno != 0 {
		return 0, 0, errno
	}
	call3(syscall.SYS_FCNTL, uintptr(fds[1]), syscall.F_SETPIPE_SZ, uintptr(room))
	return fds[0], fds[1], 0
}

// Splice moves up to n bytes between a pipe and a socket, without waiting (splice(2)).
func Splice(from, to, n int) (int, syscall.Errno) {
	for {
		m, _, errno := syscall.RawSyscall6(syscall.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), spliceMove|spliceNonblock)
		if errno != syscall.EINTR {
			return int(m), errno
		}
	}
}

// EventFD makes a descriptor that Signal makes readable (eventfd2(2)).
func EventFD() (int, syscall.Errno) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	return int(fd), errno
}

// Signal makes an EventFD readable.
func Signal(fd int) { Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// TimerSlack sets how late, in ns, this thread's timers may be (PR_SET_TIMERSLACK(2const)).
func TimerSlack(ns int) { call3(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, uintptr(ns), 0) }

// Monotonic is CLOCK_MONOTONIC (clock_gettime(2)), ns.
func Monotonic() int64 {
	ts := new(syscall.Timespec)
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(ts)), 0)
	return ts.Nano()
}

// Readable reports whether a descriptor is readable, without waiting (ppoll(2)).
func Readable(fd int) bool {
	poll := &struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollIn, 0}
	now := new(syscall.Timespec)
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(poll)), 1, uintptr(unsafe.Pointer(now)), 0, 0, 0)
	return errno == 0 && n == 1
}
