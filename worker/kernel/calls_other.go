//go:build !linux

// The calls that calls_linux.go makes raw, made through Go's packages on other systems.

package kernel

import (
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address"
)

// Write is write(2).
func Write(fd int, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return unix.Write(fd, p) })
}

// Read is read(2).
func Read(fd int, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return unix.Read(fd, p) })
}

// SendNow writes to a socket, which may be a blocking one, without waiting.
func SendNow(fd int, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return unix.SendmsgN(fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) })
}

// retry repeats a call that a signal has interrupted.
func retry(call func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return max(0, n), Errno(err)
		}
	}
}

// Monotonic is CLOCK_MONOTONIC (clock_gettime(2)), ns.
func Monotonic() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return ts.Nano()
}

// Close is close(2).
func Close(fd int) { unix.Close(fd) }

// Replace duplicates a descriptor as number at, closed on exec (dup2(2)).
func Replace(fd, at int) syscall.Errno {
	err := unix.Dup2(fd, at)
	unix.CloseOnExec(at)
	return Errno(err)
}

// ResetAtClose makes the socket's close send a reset (setsockopt(2) SO_LINGER).
func ResetAtClose(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
}

// Destination is where syslog datagrams go. The socket is not connected, so a syslog
// daemon that restarts at the same path is found again.
type Destination struct {
	addr unix.Sockaddr
	udp  *address.Addr // nil for a path
}

// NewDestination is the unix socket at a path, or the UDP address if there is one.
func NewDestination(path string, udp *address.Addr) Destination {
	if udp.Kind != 0 {
		return Destination{ToUnix(udp), udp}
	}
	return Destination{addr: &unix.SockaddrUnix{Name: path}}
}

// Send sends one datagram, without waiting.
func (d *Destination) Send(fd int, p []byte) syscall.Errno {
	if d.udp != nil && d.udp.LoadZone() != 0 { // its interface may have been created again
		d.addr = ToUnix(d.udp)
	}
	_, errno := retry(func() (int, error) {
		return len(p), unix.Sendto(fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, d.addr)
	})
	return errno
}
