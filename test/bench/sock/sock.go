//go:build linux

// Package sock has the few system calls of the load generator and the backend.
// They are raw: these processes have one busy thread and nothing else to
// schedule, and the Go runtime's bookkeeping for a blocking call would cost
// more than the call.
package sock

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Listen returns a non-blocking listening socket on a free port of 127.0.0.1.
func Listen() (fd int, addr netip.AddrPort, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, addr, err
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return -1, addr, err
	}
	if err = unix.Listen(fd, 4096); err != nil {
		return -1, addr, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return -1, addr, err
	}
	in := sa.(*unix.SockaddrInet4)
	return fd, netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)), nil
}

// Accept accepts one connection, which is non-blocking.
func Accept(listener int) (int, syscall.Errno) {
	fd, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0,
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(fd), e
}

// Dial starts a connection to an IPv4 address. On loopback it is usually
// established when Dial returns; if not, the first Write returns EAGAIN.
func Dial(to netip.AddrPort) (int, syscall.Errno) {
	fd, _, e := syscall.RawSyscall(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, e
	}
	port := to.Port()
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().As4()}
	*(*[2]byte)(unsafe.Pointer(&sa.Port)) = [2]byte{byte(port >> 8), byte(port)}
	_, _, e = syscall.RawSyscall(unix.SYS_CONNECT, fd, uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
	if e != 0 && e != unix.EINPROGRESS {
		Close(int(fd))
		return -1, e
	}
	return int(fd), 0
}

// NoDelay turns Nagle's algorithm off.
func NoDelay(fd int) { unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

// Read is read(2); 0 without an error is the end.
func Read(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// Write is send(2) without SIGPIPE.
func Write(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// WriteWhenUp waits at most ms milliseconds until a connection is established,
// and writes.
func WriteWhenUp(fd int, b []byte, ms int) syscall.Errno {
	for {
		if _, e := Write(fd, b); e != unix.EAGAIN {
			return e
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, ms)
		if n == 0 && err == nil {
			return unix.ETIMEDOUT
		}
	}
}

// Close is close(2).
func Close(fd int) { syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }
