//go:build !linux || portable

// Conversion of addresses between the board's form and that of golang.org/x/sys/unix, for
// the portable engine and for systems without raw calls.

package kernel

import (
	"golang.org/x/sys/unix"

	"daemon/plug/worker/address"
)

// ToUnix converts an address of the board to the system's form.
func ToUnix(a *address.Addr) unix.Sockaddr {
	if a.Kind == 4 {
		return &unix.SockaddrInet4{Port: int(a.Port), Addr: [4]byte(a.IP[12:])}
	}
	return &unix.SockaddrInet6{Port: int(a.Port), Addr: a.IP, ZoneId: a.LoadZone()}
}

// FromUnix is the address of an accepted client in the board's form. An IPv4-mapped
// address becomes IPv4.
func FromUnix(from unix.Sockaddr) (a address.Addr) {
	mapped := [12]byte{10: 0xff, 11: 0xff}
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		a.Kind, a.Port = 4, uint16(from.Port)
		copy(a.IP[:], mapped[:])
		copy(a.IP[12:], from.Addr[:])
	case *unix.SockaddrInet6:
		a.Kind, a.Port, a.IP = 6, uint16(from.Port), from.Addr
		if [12]byte(a.IP[:12]) == mapped {
			a.Kind = 4
			return a
		}
		a.Zone = from.ZoneId
	}
	return a
}

// Family is the address family of an address.
func Family(a *address.Addr) int {
	if a.Kind == 4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
