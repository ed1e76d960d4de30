// How many of the sent bytes the peer has not acknowledged, or this host not sent, on
// Linux.

package kernel

import (
	"syscall"
	"unsafe"
)

// The parts of a socket's send queue (tcp(7), SIOCOUTQ; linux/sockios.h, SIOCOUTQNSD).
const (
	unacknowledged = syscall.TIOCOUTQ
	unsent         = 0x894b
)

// OutQueue asks how many of the bytes written to a socket its peer's kernel has not
// acknowledged, even after a reset. ended says that the end of the stream was written,
// too: it does not count. There are none without a socket, and for one that is not
// connected yet.
func OutQueue(fd int, ended bool) (n int, known bool) { return queue(fd, unacknowledged, ended) }

// UnsentQueue is OutQueue for the bytes that have not left this host.
func UnsentQueue(fd int, ended bool) (n int, known bool) { return queue(fd, unsent, ended) }

// queue is how long a part of a send queue is. Several threads may call it.
func queue(fd int, part uintptr, ended bool) (n int, known bool) {
	if fd < 0 {
		return 0, false
	}
	length := new(int32)
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), part, uintptr(unsafe.Pointer(length)))
	return withoutEnd(int(*length), ended), errno == 0
}

// withoutEnd is the length of a send queue without the end of the stream, if that was
// written: the kernel counts a FIN as a byte.
func withoutEnd(length int, ended bool) int {
	if ended && length > 0 {
		length--
	}
	return length
}
