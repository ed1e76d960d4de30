// Package convert brings addresses from Go's form to the board's and back.
package convert

import (
	"net/netip"

	"daemon/plug/worker/address"
)

// From puts an address into the board's form. A zone is not taken along: it
// is a name here, and there an interface's index.
func From(a netip.AddrPort) (out address.Addr) {
	ip := a.Addr()
	if !ip.IsValid() {
		return out
	}
	out.Port, out.Kind = a.Port(), 6
	if ip.Is4() || ip.Is4In6() {
		out.Kind = 4
	}
	out.IP = ip.WithZone("").As16()
	return out
}

// AddrPort is the address in Go's form, without its zone; invalid if there is
// none.
func AddrPort(a *address.Addr) netip.AddrPort {
	switch a.Kind {
	case 4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.IP[12:])), a.Port)
	case 6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.IP), a.Port)
	}
	return netip.AddrPort{}
}
