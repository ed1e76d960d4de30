// Package convert brings addresses from Go's form to the board's.
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
