// Two listeners that cannot both have their address.

package config

import (
	"fmt"
	"net/netip"

	"github.com/hashicorp/hcl/v2"
)

// listenPlace is a listener of a file.
type listenPlace struct {
	source Source
	plug   *plugDraft
	at     hcl.Range
}

// checkOverlaps refuses a listener whose address, or whose socket of the service manager,
// another one has: the kernel would refuse to bind it.
func (l *loader) checkOverlaps() {
	byPort, byName := make(map[uint16][]listenPlace), make(map[string]listenPlace)
	for _, p := range l.plugs {
		for i, source := range p.Listeners {
			here := listenPlace{source, p, p.listeners[i]}
			if source.Inherited != "" {
				if other, twice := byName[source.Inherited]; twice {
					l.overlap(here, other)
				} else {
					byName[source.Inherited] = here
				}
				continue
			}
			for _, other := range byPort[source.Port] {
				if source.overlaps(other.source) {
					l.overlap(here, other)
					break
				}
			}
			byPort[source.Port] = append(byPort[source.Port], here)
		}
	}
}

func (l *loader) overlap(here, other listenPlace) {
	l.problem(&Problem{Option: "listen", Value: here.source.String(),
		Reason: fmt.Sprintf("plug %q listens on %q at %s already", other.plug.Name, other.source.String(), place(other.at))}, here.at)
}

// overlaps reports whether the kernel would bind only one of two sources with the same
// port.
func (s Source) overlaps(t Source) bool {
	a, b := s.bindAddr(), t.bindAddr()
	switch {
	case s.Dual && t.Dual:
		return true
	case s.Dual || t.Dual: // an address of either family, or all of them
		return true
	case a.Is4() != b.Is4():
		return false
	}
	return a.IsUnspecified() || b.IsUnspecified() || a == b
}

// bindAddr is the address that a source is bound to.
func (s Source) bindAddr() netip.Addr {
	if !s.Addr.IsValid() {
		return netip.IPv4Unspecified()
	}
	return s.Addr
}
