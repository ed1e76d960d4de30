// The networks of -a.

package config

import (
	"errors"
	"net/netip"
	"strings"
)

// parseRule reads -a: ADDRESS or ADDRESS/BITS, IPv4 with all four octets. Host bits are
// masked. IPv4-mapped clients are checked against IPv4 rules, so a mapped rule becomes an
// IPv4 one.
func parseRule(text string) (netip.Prefix, error) {
	address, bits, slash := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil && isName(address):
		return netip.Prefix{}, errors.New("expected a numeric ADDRESS or ADDRESS/BITS: " + whyNumeric)
	case err != nil && hasLeadingZero(address):
		return netip.Prefix{}, errors.New("octets must not have leading zeros, which some programs read as octal")
	case err != nil:
		return netip.Prefix{}, errors.New("expected ADDRESS or ADDRESS/BITS with all four octets, as in 10.0.0.0/8")
	case addr.Zone() != "":
		return netip.Prefix{}, errors.New("expected a network without %, as in fe80::/10")
	}
	n := addr.BitLen()
	if slash {
		if n, err = parseNumber(bits, 0, addr.BitLen()); err != nil {
			return netip.Prefix{}, errors.New("after the slash, " + err.Error())
		}
	}
	if addr.Is4In6() {
		if n < 96 {
			return netip.Prefix{}, errors.New("expected 96 to 128 bits with an IPv4-mapped address, or plain IPv4, as in 10.0.0.0/8")
		}
		addr, n = addr.Unmap(), n-96
	}
	return addr.Prefix(n)
}
