// Raw calls on sockets: accept, connect, send, receive and options. Their queues are in
// queue_linux.go.

package kernel

import (
	"syscall"
	"unsafe"

	"daemon/plug/worker/address"
)

// UserTimeout is tcp(7)'s TCP_USER_TIMEOUT.
const UserTimeout = 0x12

// on is the value that switches a socket option on, where the kernel can read it.
var on int32 = 1

// scratchAddr, scratchInt and scratchSize are what calls pass to the kernel. Package
// variables do not move. Only one thread uses them.
var (
	scratchAddr sockaddr
	scratchInt  int32
	scratchSize uint32
)

// Socket makes a nonblocking TCP socket of an address's family (socket(2)).
func Socket(to *address.Addr) (int, syscall.Errno) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_SOCKET, family(to), syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	return int(fd), errno
}

// Accept takes one client from a listener's queue; its socket is nonblocking. It is not
// repeated after EINTR (accept4(2)).
func Accept(listener int) (fd int, client address.Addr, errno syscall.Errno) {
	scratchSize = uint32(unsafe.Sizeof(scratchAddr))
	r, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&scratchAddr)),
		uintptr(unsafe.Pointer(&scratchSize)), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, client, errno
	}
	return int(r), scratchAddr.addr(), 0
}

// Connect starts a connect; EINPROGRESS is no error (connect(2)).
func Connect(fd int, to *address.Addr) syscall.Errno {
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&scratchAddr)), scratchAddr.set(to))
	if errno == syscall.EINPROGRESS {
		return 0
	}
	return errno
}

// Receive reads from a socket. Read, which first goes through the file system's checks,
// costs 2 % more per relayed request.
func Receive(fd int, p []byte) (int, syscall.Errno) { return receive(fd, p, 0) }

// Peek reads from a socket without removing what it reads.
func Peek(fd int, p []byte) (int, syscall.Errno) { return receive(fd, p, syscall.MSG_PEEK) }

func receive(fd int, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// Send writes to a socket. A peer that has gone is reported as an error, never by a
// signal.
func Send(fd int, p []byte) (int, syscall.Errno) { return send(fd, p, syscall.MSG_NOSIGNAL) }

// SendNow is Send for a socket that may be a blocking one: it does not wait either.
func SendNow(fd int, p []byte) (int, syscall.Errno) {
	return send(fd, p, syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT)
}

func send(fd int, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// ShutWrite ends the direction from here to the peer (shutdown(2)).
func ShutWrite(fd int) { call3(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_WR, 0) }

// SetOn switches a socket option on (setsockopt(2)).
func SetOn(fd, level, option int) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&on)), 4, 0)
	return errno
}

// SetInt sets a socket option to a number (setsockopt(2)).
func SetInt(fd, level, option, value int) syscall.Errno {
	scratchInt = int32(value)
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&scratchInt)), 4, 0)
	return errno
}

// SocketError takes the socket's pending error (socket(7) SO_ERROR).
func SocketError(fd int) syscall.Errno {
	scratchInt, scratchSize = 0, 4
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_ERROR,
		uintptr(unsafe.Pointer(&scratchInt)), uintptr(unsafe.Pointer(&scratchSize)), 0)
	if errno != 0 {
		return errno
	}
	return syscall.Errno(scratchInt)
}

var lingerNot = &syscall.Linger{Onoff: 1, Linger: 0}

// ResetAtClose makes the socket's close send a reset (socket(7) SO_LINGER).
func ResetAtClose(fd int) {
	syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_LINGER,
		uintptr(unsafe.Pointer(lingerNot)), unsafe.Sizeof(*lingerNot), 0)
}
