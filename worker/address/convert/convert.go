// Package convert converts addresses from Go's form to the board's.
package convert

import (
	"net/netip"

	"daemon/plug/worker/address"
)

// From converts an address to the board's form. It drops the zone: Go has a
// name, the board an interface index.
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
