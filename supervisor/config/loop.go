// A plug that would connect to itself.

package config

import (
	"net"
	"net/netip"
	"slices"
)

// checkLoop refuses a target, or an HTTP proxy, that is this plug itself: each client
// would be connected to the plug again and again, until its resources are used up.
func (d *Draft) checkLoop() {
	check := func(option string, index int, to netip.AddrPort) {
		if slices.ContainsFunc(d.Listeners, func(s Source) bool { return s.Covers(to, d.system.Local) }) {
			d.report(&Problem{Option: option, Value: to.String(), Index: index, Reason: "this plug itself listens there; expected another address or port"})
		}
	}
	check("via", wholePlug, d.Via)
	for i, target := range d.Targets {
		check("target", i, target.Addr)
	}
}

// Covers reports whether a connection from this host to an address would reach this
// source. local reports whether an address is this host's.
func (s Source) Covers(to netip.AddrPort, local func(netip.Addr) bool) bool {
	if !to.IsValid() || s.Port == 0 || to.Port() != s.Port {
		return false
	}
	addr := to.Addr().WithZone("")
	switch addr { // a connection to these goes to this host
	case netip.IPv4Unspecified():
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		addr = netip.IPv6Loopback()
	}
	switch {
	case !s.Addr.IsValid():
		return (addr.Is4() || s.Dual) && local(addr)
	case s.Addr.IsUnspecified():
		return addr.Is4() == s.Addr.Is4() && local(addr)
	}
	return addr == s.Addr.WithZone("")
}

// Loops is checkLoop for a plug whose listeners have only now learned where they listen.
func (p *Plug) Loops(system *System) error {
	d := &Draft{Plug: *p, system: system}
	if d.checkLoop(); len(d.problems) > 0 {
		return d.problems[0]
	}
	return nil
}

// localTo returns a function that reports whether an address is this host's.
func localTo(addresses func() ([]net.Addr, error)) func(netip.Addr) bool {
	return func(addr netip.Addr) bool {
		if addr.IsLoopback() {
			return true
		}
		all, err := addresses()
		if err != nil {
			return false
		}
		for _, one := range all {
			if prefix, err := netip.ParsePrefix(one.String()); err == nil && prefix.Addr().Unmap().WithZone("") == addr {
				return true
			}
		}
		return false
	}
}
