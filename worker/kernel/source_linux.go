// Where a connection comes from: an interface, an address, a port.

package kernel

import (
	"syscall"
	"unsafe"

	"daemon/plug/worker/address"
)

const bindNoPort = 24 // IP_BIND_ADDRESS_NO_PORT

// BindInterface makes the connection leave through an interface (socket(7)
// SO_BINDTODEVICE). On other systems this needs the target, to choose the source address.
func BindInterface(fd int, name string, _, _ *address.Addr) syscall.Errno {
	return Errno(syscall.BindToDevice(fd, name))
}

// BindAddress makes the connection come from an address. If no port is given, the kernel
// chooses it for the whole connection (ip(7) IP_BIND_ADDRESS_NO_PORT): that allows more
// connections than there are ports of an address.
func BindAddress(fd int, from *address.Addr) syscall.Errno {
	SetOn(fd, syscall.IPPROTO_IP, bindNoPort)
	a := new(sockaddr)
	size := a.set(from)
	_, _, errno := syscall.RawSyscall(syscall.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(a)), size)
	return errno
}
