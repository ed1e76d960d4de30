// Conversion of socket addresses between the kernel's form and the board's, and
// destinations of datagrams.

package kernel

import (
	"syscall"
	"unsafe"

	"daemon/plug/worker/address"
)

// sockaddr is a socket address of either family in the kernel's form (ip(7), ipv6(7)).
type sockaddr struct {
	family uint16
	port   [2]byte // in network byte order
	rest   [24]byte
}

// set stores the address a, and returns the size of the result.
func (s *sockaddr) set(a *address.Addr) uintptr {
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

// addr is the socket address in the board's form. An IPv4-mapped address becomes IPv4.
func (s *sockaddr) addr() (a address.Addr) {
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

func family(a *address.Addr) uintptr {
	if a.Kind == 4 {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

// Destination is where syslog datagrams go. The socket is not connected, so a syslog
// daemon that restarts at the same path is found again.
type Destination struct {
	addr *[syscall.SizeofSockaddrUnix]byte
	size uintptr
	udp  *address.Addr // set if its interface may be created again
}

// NewDestination is the unix socket at a path, or the UDP address if there is one.
func NewDestination(path string, udp *address.Addr) Destination {
	d := Destination{addr: new([syscall.SizeofSockaddrUnix]byte)}
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

// Send sends one datagram, without waiting.
func (d *Destination) Send(fd int, p []byte) syscall.Errno {
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
