//go:build portable

package worker

import (
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// bindInterface makes the connection leave through an interface (socket(7)
// SO_BINDTODEVICE).
func bindInterface(fd int, name string, _ int, _ *board.Addr) syscall.Errno {
	return errnoOf(unix.BindToDevice(fd, name))
}

// choosePortLate lets the port be chosen for the whole connection (ip(7)
// IP_BIND_ADDRESS_NO_PORT): there are more of these than of addresses.
func choosePortLate(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}
