// The targets, and the HTTP proxy of -h.

package config

import (
	"errors"
	"net/netip"
	"strings"
)

// parseTarget reads one target: an address, or an address with a port, where IPv6 needs
// brackets. Without a port it takes the source's. With names (that is, with -h) it may be
// a host name, which only the HTTP proxy resolves.
func parseTarget(text string, sourcePort uint16, names bool) (Target, error) {
	e, err := splitEndpoint(text)
	if err != nil {
		return Target{}, err
	}
	port, err := e.portOr(sourcePort)
	if err != nil {
		return Target{}, err
	}
	addr, err := e.addr()
	switch {
	case err == nil:
		return Target{Addr: netip.AddrPortFrom(addr, port), Port: port}, nil
	case e.v6 || !isName(e.host):
		return Target{}, err
	case !names:
		return Target{}, errors.New(err.Error() + " (with -h, the HTTP proxy resolves them)")
	}
	if err := checkHostName(e.host); err != nil {
		return Target{}, err
	}
	return Target{Name: e.host, Port: port}, nil
}

// parseVia reads -h, the HTTP proxy: a numeric address with an optional port, 80 by
// default.
func parseVia(text string) (netip.AddrPort, error) {
	at, err := parseEndpoint(text, 80)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return at, nil
}

// checkHostName accepts letters, digits, "-" and "_" in labels of 1 to 63 bytes. The name
// goes into an HTTP request, so nothing else is allowed. Some programs would read a name
// whose last label is a number as an IPv4 address (WHATWG URL).
func checkHostName(name string) error {
	if len(name) > MaxName {
		return errors.New("a host name must be at most 253 characters long")
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, notOfName) {
			return errors.New("expected a host name of letters, digits, - and _, separated by dots, at most 63 characters each")
		}
		last = label
	}
	if isDigits(last) {
		return errors.New("expected a host name that does not end in a number, or an address with four octets")
	}
	return nil
}

func notOfName(r rune) bool {
	return !isLetter(r) && (r < '0' || r > '9') && r != '-' && r != '_'
}
