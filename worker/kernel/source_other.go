//go:build !linux

// Where a connection comes from, on systems that can't bind a socket to an interface.

package kernel

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address"
	"daemon/plug/worker/address/convert"
)

// BindInterface makes the connection come from an interface's first address of the
// target's family, unless from is an address already: here no socket can be bound to an
// interface, and routing decides through which one the connection leaves.
func BindInterface(_ int, name string, to, from *address.Addr) syscall.Errno {
	if from.Kind != 0 {
		return 0
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		index, notNumber := strconv.Atoi(name)
		if notNumber != nil {
			return unix.ENXIO
		}
		if i, err = net.InterfaceByIndex(index); err != nil {
			return unix.ENXIO
		}
	}
	addrs, err := i.Addrs()
	if err != nil {
		return Errno(err)
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().Is4() != (to.Kind == 4) {
			continue
		}
		*from = convert.From(netip.AddrPortFrom(prefix.Addr(), 0))
		if prefix.Addr().IsLinkLocalUnicast() {
			from.Zone = uint32(i.Index)
		}
		return 0
	}
	return unix.EADDRNOTAVAIL
}

// BindAddress makes the connection come from an address (bind(2)).
func BindAddress(fd int, from *address.Addr) syscall.Errno {
	return Errno(unix.Bind(fd, ToUnix(from)))
}
