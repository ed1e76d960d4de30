//go:build !linux

package worker

import (
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// The calls that sys_linux.go makes raw, as Go makes them.

func write(fd int, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return unix.Write(fd, p) })
}

func read(fd int, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return unix.Read(fd, p) })
}

// sendNow writes to a socket that may be one that blocks.
func sendNow(fd int, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return unix.SendmsgN(fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) })
}

// retry repeats a call that a signal has interrupted.
func retry(call func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return max(0, n), errnoOf(err)
		}
	}
}

// monotonic is CLOCK_MONOTONIC (clock_gettime(2)), ns.
func monotonic() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return ts.Nano()
}

func closeFD(fd int) { unix.Close(fd) }

// reset makes the next close send a reset (setsockopt(2) SO_LINGER).
func reset(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
}

// destination is where syslog datagrams go. The socket is not connected: a
// syslog daemon that comes back under the same path is found again.
type destination struct {
	addr unix.Sockaddr
	udp  *board.Addr // nil for a path
}

func makeDestination(path string, udp *board.Addr) destination {
	if udp.Kind != 0 {
		return destination{socketAddress(udp), udp}
	}
	return destination{addr: &unix.SockaddrUnix{Name: path}}
}

func (d *destination) send(fd int, p []byte) syscall.Errno {
	if d.udp != nil && d.udp.LoadZone() != 0 { // its interface may have been made again
		d.addr = socketAddress(d.udp)
	}
	_, errno := retry(func() (int, error) {
		return len(p), unix.Sendto(fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, d.addr)
	})
	return errno
}
