package config

import (
	"errors"
	"net/netip"
	"strings"
)

// ParseRule reads -a: ADDRESS or ADDRESS/BITS, IPv4 with all four octets. Host
// bits are masked. IPv4-mapped clients meet IPv4 rules, so a mapped rule
// becomes one of IPv4.
func ParseRule(text string) (netip.Prefix, error) {
	address, bits, slash := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil && isName(address):
		return netip.Prefix{}, errors.New("want ADDRESS or ADDRESS/BITS, numeric: " + whyNumeric)
	case err != nil && hasLeadingZero(address):
		return netip.Prefix{}, errors.New("want octets without leading zeros, which some take for octal numbers")
	case err != nil:
		return netip.Prefix{}, errors.New("want ADDRESS or ADDRESS/BITS with all four octets, as in 10.0.0.0/8")
	case addr.Zone() != "":
		return netip.Prefix{}, errors.New("want a network without %, as in fe80::/10")
	}
	n := addr.BitLen()
	if slash {
		if n, err = ParseNumber(bits, 0, addr.BitLen()); err != nil {
			return netip.Prefix{}, errors.New("behind the slash, " + err.Error())
		}
	}
	if addr.Is4In6() {
		if n < 96 {
			return netip.Prefix{}, errors.New("want 96 to 128 bits with an IPv4-mapped address, or plain IPv4, as in 10.0.0.0/8")
		}
		addr, n = addr.Unmap(), n-96
	}
	return addr.Prefix(n)
}
