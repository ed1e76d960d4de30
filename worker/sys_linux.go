package worker

import (
	"syscall"
	"unsafe"

	"daemon/plug/worker/board"
)

// Raw system calls: they don't tell Go's scheduler, which would cost more than
// most of them do. What they are given lies on the heap or in mapped memory, or
// on the stack where the kernel only looks at it and can't wait, and pointers
// become numbers in the very call, so nothing moves under the kernel. Only what
// can't block, or has nobody to wait for it, may be called so.

// What package syscall has no names for (linux/eventpoll.h, fcntl.h, in.h, and
// so on). The one that has them, golang.org/x/sys/unix, is initialised later
// than a worker starts: see package early.
const (
	epollExclusive = 1 << 28
	epollEdge      = 1 << 31
	spliceMove     = 1
	spliceNonblock = 2
	bindNoPort     = 24 // IP_BIND_ADDRESS_NO_PORT
	pollIn         = 1
	clockMonotonic = 1
)

// syscallErrno is the errno of a call of package syscall; 0 without an error.
func syscallErrno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EINVAL // it returns no other errors
}

func call3(n, a, b, c uintptr) (uintptr, syscall.Errno) {
	for {
		r, _, errno := syscall.RawSyscall(n, a, b, c)
		if errno != syscall.EINTR {
			return r, errno
		}
	}
}

func write(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

func read(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// receive reads from a socket; read, which goes through the file system's checks
// first, costs a relayed request 2 % more.
func receive(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// send writes to a socket; a peer that has gone is an error, never a signal.
func send(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// sendNow is send on a socket that may be one that blocks.
func sendNow(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

func closeFD(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

// sockaddr is a socket address of either family as the kernel has it (ip(7),
// ipv6(7)).
type sockaddr struct {
	family uint16
	port   [2]byte // network order
	rest   [24]byte
}

// set makes it the address of a, and returns its size.
func (s *sockaddr) set(a *board.Addr) uintptr {
	s.port = [2]byte{byte(a.Port >> 8), byte(a.Port)}
	if a.Kind == 4 {
		s.family = syscall.AF_INET
		copy(s.rest[:4], a.IP[12:])
		clear(s.rest[4:])
		return syscall.SizeofSockaddrInet4
	}
	s.family = syscall.AF_INET6
	clear(s.rest[:4]) // flow label
	copy(s.rest[4:20], a.IP[:])
	*(*uint32)(unsafe.Pointer(&s.rest[20])) = a.LoadZone()
	return syscall.SizeofSockaddrInet6
}

// addr is the socket address in the board's form; a mapped one is IPv4.
func (s *sockaddr) addr() (a board.Addr) {
	a.Port = uint16(s.port[0])<<8 | uint16(s.port[1])
	if s.family == syscall.AF_INET {
		a.Kind = 4
		a.IP[10], a.IP[11] = 0xff, 0xff
		copy(a.IP[12:], s.rest[:4])
		return a
	}
	a.Kind = 6
	copy(a.IP[:], s.rest[4:20])
	if [12]byte(a.IP[:12]) == [12]byte{10: 0xff, 11: 0xff} {
		a.Kind = 4
		return a
	}
	a.Zone = *(*uint32)(unsafe.Pointer(&s.rest[20]))
	return a
}

func family(a *board.Addr) uintptr {
	if a.Kind == 4 {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

func setInt(fd int, level, option uintptr, value *int32) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), level, option, uintptr(unsafe.Pointer(value)), 4, 0)
	return errno
}

// socketError takes the socket's pending error (socket(7) SO_ERROR).
func socketError(fd int, value *int32, size *uint32) syscall.Errno {
	*value, *size = 0, 4
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_ERROR,
		uintptr(unsafe.Pointer(value)), uintptr(unsafe.Pointer(size)), 0)
	if errno != 0 {
		return errno
	}
	return syscall.Errno(*value)
}

// lingerReset makes the next close send a reset (socket(7) SO_LINGER).
var lingerReset = &syscall.Linger{Onoff: 1, Linger: 0}

func reset(fd int) {
	syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_LINGER,
		uintptr(unsafe.Pointer(lingerReset)), unsafe.Sizeof(*lingerReset), 0)
}

// destination is where syslog datagrams go. The socket is not connected: a
// syslog daemon that comes back under the same path is found again.
type destination struct {
	addr *[syscall.SizeofSockaddrUnix]byte
	size uintptr
	udp  *board.Addr // if its interface may be made again
}

func makeDestination(path string, udp *board.Addr) destination {
	d := destination{addr: new([syscall.SizeofSockaddrUnix]byte)}
	if udp.Kind != 0 {
		d.size = (*sockaddr)(unsafe.Pointer(d.addr)).set(udp)
		if udp.LoadZone() != 0 {
			d.udp = udp
		}
		return d
	}
	*(*uint16)(unsafe.Pointer(d.addr)) = syscall.AF_UNIX
	d.size = uintptr(2 + copy(d.addr[2:len(d.addr)-1], path) + 1)
	return d
}

func (d *destination) send(fd int, p []byte) syscall.Errno {
	if d.udp != nil {
		(*sockaddr)(unsafe.Pointer(d.addr)).set(d.udp)
	}
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, uintptr(unsafe.Pointer(d.addr)), d.size)
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// monotonic is CLOCK_MONOTONIC (clock_gettime(2)), ns.
func monotonic() int64 {
	ts := new(syscall.Timespec)
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(ts)), 0)
	return ts.Nano()
}

// readable reports whether a descriptor is, without waiting (ppoll(2)).
func readable(fd int) bool {
	poll := &struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollIn, 0}
	now := new(syscall.Timespec)
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(poll)), 1, uintptr(unsafe.Pointer(now)), 0, 0, 0)
	return errno == 0 && n == 1
}
