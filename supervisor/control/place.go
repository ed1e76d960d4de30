// Places in a filter: a network, an address or a host name, with a port or
// without.

package control

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// place is where sessions come from or go to: a network, an address or a host
// name, with or without a port.
type place struct {
	net  netip.Prefix // not valid for a host name
	zone string       // of IPv6; "" is any
	host string       // lower case
	port string       // "" is any
}

var (
	errPlace = errors.New("must be an address or a network, as in 10.0.0.0/8, 2001:db8::1 or 10.1.2.3:4711")
	errHost  = errors.New("must be an address, a network or a host name, with or without its port, as in 10.0.3.15:119")
)

// parsePlace parses a place; "" is an empty place, which matches nothing. Host
// bits of networks are masked, and IPv4-mapped addresses become IPv4, as in
// rules. Host names are accepted if names is true.
func parsePlace(text string, names bool) (p place, err error) {
	if text == "" {
		return p, nil
	}
	host, zone := cutZone(text)
	if net, err := netip.ParsePrefix(host); err == nil {
		return place{net: unmapNet(net), zone: zone}, nil
	}
	if at, err := netip.ParseAddrPort(text); err == nil && at.Port() != 0 {
		return place{net: netOf(at.Addr()), zone: at.Addr().Zone(), port: strconv.Itoa(int(at.Port()))}, nil
	}
	bare := text
	if n := len(text); text[0] == '[' && text[n-1] == ']' {
		bare = text[1 : n-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return place{net: netOf(addr), zone: addr.Zone()}, nil
	}
	if !names {
		return p, errPlace
	}
	name, port, given := strings.Cut(text, ":")
	n, bad := strconv.ParseUint(port, 10, 16)
	if !isHost(name) || given && (bad != nil || n == 0) {
		return p, errHost
	}
	return place{host: strings.ToLower(name), port: port}, nil
}

// has reports whether a session's address, in the form of control.Session, is
// in the place: "addr:port", "name:port", or "" if there is none yet.
func (p *place) has(at string) bool {
	if ap, err := netip.ParseAddrPort(at); err == nil {
		addr := ap.Addr()
		return p.net.IsValid() && p.net.Contains(addr.Unmap().WithZone("")) &&
			(p.zone == "" || p.zone == addr.Zone()) && (p.port == "" || p.port == strconv.Itoa(int(ap.Port())))
	}
	name, port, _ := strings.Cut(at, ":")
	return p.host != "" && p.host == strings.ToLower(name) && (p.port == "" || p.port == port)
}

// cutZone removes the zone from a network; it may follow the address or the
// whole: fe80::%eth0/10 or fe80::/10%eth0.
func cutZone(text string) (net, zone string) {
	before, after, found := strings.Cut(text, "%")
	if !found {
		return text, ""
	}
	zone, bits, hasBits := strings.Cut(after, "/")
	if hasBits {
		before += "/" + bits
	}
	return before, zone
}

func netOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}

// unmapNet returns a network in the form of sessions' addresses:
// ::ffff:10.0.0.0/104 is 10.0.0.0/8.
func unmapNet(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// isHost reports whether a text may be a host name (RFC 1123; underscores
// occur, too) and is not a malformed address.
func isHost(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	return name != "" && len(name) <= 253 && strings.Trim(name, allowed) == "" && strings.Trim(name, "0123456789.") != ""
}
