// The source: where a plug listens, and where it connects from.

package config

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Outgoing is what a source may say about the other side: where connections to targets
// come from. At most one of the two is set.
type Outgoing struct {
	Addr      netip.Addr
	Interface string // its form is checked, not whether it exists
}

// String is what comes after the slash, "" if nothing does.
func (o Outgoing) String() string {
	if o.Addr.IsValid() {
		return o.Addr.String()
	}
	return o.Interface
}

const (
	wantInterface = "an interface name of 1 to 15 characters, as in eth0"
	wantSource    = "expected port, :port, *:port, address:port, [v6]:port or fd:NAME, as in 80 or 10.0.0.1:80"
)

// parseSource reads the listening side:
//
//	port           all IPv4 addresses, as in 2.5
//	:port  *:port  all IPv4 and IPv6 addresses
//	address:port   that address; "[::]:port" is all of IPv6, without IPv4
//	[v6]:port
//	fd:NAME        the listening socket of that name, from a service manager
//	               (sd_listen_fds(3)), which determines where plug listens
//
// each may be followed by /interface or /address for the outgoing side.
func parseSource(text string) (Source, Outgoing, error) {
	listen, behind, slash := strings.Cut(text, "/")
	source, err := parseListen(listen)
	if err != nil || !slash {
		return source, Outgoing{}, err
	}
	outgoing, err := parseOutgoing(behind)
	if err != nil {
		return Source{}, Outgoing{}, err
	}
	return source, outgoing, nil
}

func parseListen(text string) (Source, error) {
	if name, ok := strings.CutPrefix(text, "fd:"); ok {
		if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
			return Source{}, errors.New("expected the name of a socket after fd:, as in fd:plug.socket")
		}
		return Source{Inherited: name}, nil
	}
	if isDigits(text) {
		port, err := parsePort(text)
		return Source{Port: port}, err
	}
	if all, ok := strings.CutPrefix(strings.TrimPrefix(text, "*"), ":"); ok && !strings.Contains(all, ":") {
		port, err := parsePort(all)
		return Source{Port: port, Dual: err == nil}, err
	}
	e, err := splitEndpoint(text)
	switch {
	case err != nil:
		return Source{}, err
	case !e.hasPort && e.v6:
		return Source{}, errors.New("expected an IPv6 address in brackets and a port, as in [2001:db8::1]:80")
	case !e.hasPort && isName(text):
		return Source{}, errors.New(wantSource + "; " + whyNumeric)
	case !e.hasPort:
		return Source{}, errors.New(wantSource)
	}
	at, err := parseEndpoint(text, 0)
	if err != nil {
		return Source{}, err
	}
	return Source{Addr: at.Addr(), Port: at.Port(), Named: true}, nil
}

func parseOutgoing(text string) (Outgoing, error) {
	bare, bracketed := unbracket(text)
	if bracketed || strings.Contains(text, ":") || strings.Trim(text, "0123456789.") == "" {
		addr, err := parseIP(bare)
		if err != nil {
			err = errors.New("after the slash, " + err.Error())
		}
		return Outgoing{Addr: addr}, err
	}
	if err := checkInterfaceName(text); err != nil {
		return Outgoing{}, errors.New("after the slash, expected an address or " + wantInterface)
	}
	return Outgoing{Interface: text}, nil
}

// parseInterfaceName reads the name of an interface.
func parseInterfaceName(text string) (string, error) {
	if err := checkInterfaceName(text); err != nil {
		return "", err
	}
	return text, nil
}

// checkInterfaceName refuses names that no kernel accepts for an interface, see
// netdevice(7): IFNAMSIZ is 16 with its final zero, here and on the BSDs. A name with
// brackets could not be distinguished from the end of an address.
func checkInterfaceName(name string) error {
	bad := func(r rune) bool {
		return r <= ' ' || r == '/' || r == ':' || r == '%' || r == '[' || r == ']' || r == 0x7f
	}
	if name == "" || len(name) > 15 || name == "." || name == ".." || strings.ContainsFunc(name, bad) {
		return errors.New("expected " + wantInterface)
	}
	return nil
}

// String is the source in the form that parseSource reads, without the outgoing side.
func (s Source) String() string {
	switch {
	case s.Inherited != "":
		return "fd:" + s.Inherited
	case s.Addr.IsValid():
		return netip.AddrPortFrom(s.Addr, s.Port).String()
	case s.Dual:
		return "*:" + strconv.Itoa(int(s.Port))
	}
	return strconv.Itoa(int(s.Port))
}
