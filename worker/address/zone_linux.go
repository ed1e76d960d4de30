// The name of an interface index, on Linux.

package address

import (
	"syscall"
	"unsafe"
)

// getInterfaceName is SIOCGIFNAME (netdevice(7)).
const getInterfaceName = 0x8910

// interfaceRequest is the kernel's struct ifreq.
type interfaceRequest struct {
	name  [syscall.IFNAMSIZ]byte
	index int32
	_     [20]byte
}

// interfaceName asks the kernel for an interface's name, or returns "" if
// there is none. It needs a socket, of a kind that every process of a plug may
// open. It is called only for link-local addresses.
func interfaceName(index uint32) string {
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	r := &interfaceRequest{index: int32(index)}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), getInterfaceName, uintptr(unsafe.Pointer(r))); errno != 0 {
		return ""
	}
	for i, c := range r.name {
		if c == 0 {
			return string(r.name[:i])
		}
	}
	return ""
}
