package control

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// states are those of Session.State.
var states = [...]string{"connecting", "negotiating", "relaying", "half-closed", "delivering", "ending"}

// Match makes a filter, which may be nil, a function that tells which sessions
// it takes. The error says what is wrong with it.
func (f *Filter) Match() (func(*Session) bool, error) {
	if f == nil {
		return func(*Session) bool { return true }, nil
	}
	client, err := parseNet(f.Client)
	if err != nil {
		return nil, fmt.Errorf("client %q: want an address, or a network as 10.0.0.0/8", f.Client)
	}
	if f.State != "" && !slices.Contains(states[:], f.State) {
		return nil, fmt.Errorf("state %q: want one of %s", f.State, strings.Join(states[:], ", "))
	}
	ids := make(map[string]bool, len(f.IDs))
	for _, id := range f.IDs {
		if !isID(id) {
			return nil, fmt.Errorf("session %q: want an id of three numbers, as in 1-7-42", id)
		}
		ids[id] = true
	}
	target, _ := netip.ParseAddr(f.Target)
	return func(s *Session) bool {
		return (len(ids) == 0 || ids[s.ID]) &&
			(len(f.PIDs) == 0 || slices.Contains(f.PIDs, s.PID)) &&
			(f.Client == "" || client.Contains(addressOf(s.Client))) &&
			(f.Target == "" || s.Target == f.Target || target.IsValid() && addressOf(s.Target) == target) &&
			(f.State == "" || s.State == f.State) &&
			s.Age >= f.OlderThan && s.Idle >= f.IdleFor &&
			(f.Worker == "" || s.Build == f.Worker) &&
			(f.NotVersion == "" || s.Build != f.NotVersion)
	}, nil
}

// Empty tells that a filter, which may be nil, names nothing.
func (f *Filter) Empty() bool {
	return f == nil || len(f.IDs) == 0 && len(f.PIDs) == 0 && f.Client == "" && f.Target == "" && f.State == "" &&
		f.OlderThan == 0 && f.IdleFor == 0 && f.Worker == "" && f.NotVersion == ""
}

// ErrEmpty is a Kill that names nothing.
var ErrEmpty = errors.New("the filter names nothing; want All to end all sessions")

// parseNet reads a network, or an address as the smallest one. Host bits are
// masked, and IPv4-mapped addresses are IPv4, as in rules.
func parseNet(text string) (netip.Prefix, error) {
	if text == "" {
		return netip.Prefix{}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// addressOf is the address of "addr:port"; not valid if there is none.
func addressOf(text string) netip.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(text)
	return a.Unmap().WithZone("")
}

// isID tells whether a text has the form of Session.ID.
func isID(text string) bool {
	parts := strings.Split(text, "-")
	for _, p := range parts {
		if p == "" || len(p) > 20 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 3
}
