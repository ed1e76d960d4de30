// Numeric addresses and ports, and where an address ends and its port begins.

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// whyNumeric is the author's reason, given to users who pass a name.
const whyNumeric = "names are not resolved, so that a forged DNS answer cannot redirect connections"

// parseAddress reads one numeric address without a port, as for -i and -p. IPv6 may be in
// brackets. An IPv4-mapped address becomes IPv4, so that each address has the same form
// everywhere.
func parseAddress(text string) (netip.Addr, error) {
	bare, bracketed := unbracket(text)
	addr, err := parseIP(bare)
	if err == nil && bracketed && !strings.Contains(bare, ":") {
		err = errors.New("only IPv6 addresses may be in brackets")
	}
	if err != nil && strings.Count(text, ":") == 1 {
		err = errors.New("expected an address without a port, as in 10.0.0.1 or 2001:db8::1")
	}
	if err != nil {
		return netip.Addr{}, err
	}
	return addr, nil
}

// parsePort reads a port, 1 to 65535.
func parsePort(text string) (uint16, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err == nil && port != 0:
		return uint16(port), nil
	case text != "" && !isDigits(text):
		return 0, errors.New("expected a numeric port from 1 to 65535: service names are not looked up")
	}
	return 0, errors.New("expected a port from 1 to 65535")
}

// endpoint is a text that was split where its port begins, with nothing checked yet.
type endpoint struct {
	host, port string
	hasPort    bool
	v6         bool // host was in brackets, or can only be IPv6
	bare       bool // without brackets
}

// splitEndpoint splits host and port. An IPv6 address without brackets has no port,
// because the port could begin at any of its colons.
func splitEndpoint(text string) (endpoint, error) {
	if strings.HasPrefix(text, "[") {
		host, rest, closed := strings.Cut(text[1:], "]")
		port, hasPort := strings.CutPrefix(rest, ":")
		if !closed || rest != "" && !hasPort {
			return endpoint{}, errors.New("expected an IPv6 address in brackets, as in [2001:db8::1]:80")
		}
		return endpoint{host: host, port: port, hasPort: hasPort, v6: true}, nil
	}
	if strings.Count(text, ":") > 1 {
		return endpoint{host: text, v6: true, bare: true}, nil
	}
	host, port, hasPort := strings.Cut(text, ":")
	return endpoint{host: host, port: port, hasPort: hasPort}, nil
}

// parseEndpoint reads a numeric address with a port, or without one if there is
// a default for it.
func parseEndpoint(text string, defaultPort uint16) (netip.AddrPort, error) {
	e, err := splitEndpoint(text)
	if err != nil {
		return netip.AddrPort{}, err
	}
	addr, err := e.addr()
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := e.portOr(defaultPort)
	return netip.AddrPortFrom(addr, port), err
}

// doubt is the error for an IPv6 address without brackets that could also be an address
// followed by a port, such as 2001:db8::1:80.
func (e endpoint) doubt() error {
	if !e.bare || !isAddress(e.host) {
		return nil
	}
	colon := strings.LastIndexByte(e.host, ':')
	host, port := e.host[:colon], e.host[colon+1:]
	if _, err := parsePort(port); err != nil || !isAddress(host) {
		return nil
	}
	return fmt.Errorf("the last group may be a port or part of the address; expected [%s]:%s or [%s]", host, port, e.host)
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

func (e endpoint) addr() (netip.Addr, error) {
	if e.v6 && !strings.Contains(e.host, ":") {
		return netip.Addr{}, errors.New("only IPv6 addresses may be in brackets")
	}
	return parseIP(e.host)
}

func (e endpoint) portOr(defaultPort uint16) (uint16, error) {
	if !e.hasPort && defaultPort != 0 {
		return defaultPort, e.doubt()
	}
	return parsePort(e.port)
}

// parseIP reads a numeric address and unmaps it. Its errors distinguish a name, an
// ambiguous octet and nonsense.
func parseIP(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err == nil && addr.Zone() != "":
		if err := checkInterfaceName(addr.Zone()); err != nil {
			return netip.Addr{}, fmt.Errorf("after %%, %w", err)
		}
		return addr.Unmap(), nil
	case err == nil:
		return addr.Unmap(), nil
	case isName(text):
		return netip.Addr{}, errors.New("expected a numeric address: " + whyNumeric)
	case hasLeadingZero(text):
		return netip.Addr{}, errors.New("octets must not have leading zeros, which some programs read as octal")
	case strings.Count(text, ":") > 1:
		return netip.Addr{}, errors.New("expected an IPv6 address, as in 2001:db8::1, or with a port, as in [2001:db8::1]:80")
	}
	return netip.Addr{}, errors.New("expected an address, as in 10.0.0.1 or 2001:db8::1")
}

func unbracket(text string) (bare string, bracketed bool) {
	if len(text) > 1 && text[0] == '[' && text[len(text)-1] == ']' {
		return text[1 : len(text)-1], true
	}
	return text, false
}

// isName reports whether a text was probably meant as a name: it has a letter, and no
// colon.
func isName(text string) bool {
	return !strings.Contains(text, ":") && strings.ContainsFunc(text, isLetter)
}

func hasLeadingZero(text string) bool {
	for octet := range strings.SplitSeq(text, ".") {
		if len(octet) > 1 && octet[0] == '0' && isDigits(octet) {
			return true
		}
	}
	return false
}

func isLetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
