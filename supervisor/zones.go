// Interfaces that addresses of the plug name: one that is made again has another
// index, which the board and listeners then get.

package supervisor

import (
	"net"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/address"
)

// zone is an interface that addresses of the plug name; the assignment has its
// index. An interface that is made again (ppp, wg, veth) has another index.
type zone struct {
	name  string
	index uint32
	words []*address.Addr
	slots []int // of the targets with this zone
}

// zonesOf finds the addresses with a zone on a board that this master has made;
// the boards of other masters are read-only.
func zonesOf(g *generation, process *config.Process, cfg *config.Plug) (all []*zone) {
	b := g.board
	note := func(name string, at *address.Addr) *zone {
		if name == "" {
			return &zone{}
		}
		for _, z := range all {
			if z.name == name {
				z.words = append(z.words, at)
				return z
			}
		}
		z := &zone{name: name, index: at.Zone, words: []*address.Addr{at}}
		all = append(all, z)
		return z
	}
	note(cfg.SourceAddress.Zone(), &b.Assignment.Source)
	note(cfg.Via.Addr().Zone(), &b.Assignment.Via)
	note(process.Syslog.UDP.Addr().Zone(), &b.Assignment.SyslogUDP)
	for place, target := range cfg.Targets {
		slot := b.SlotAt(place)
		z := note(target.Addr.Addr().Zone(), &b.Target(slot).Addr)
		z.slots = append(z.slots, slot)
	}
	return all
}

// checkZones gives workers the current index of each interface. A target whose
// interface was gone may be chosen as soon as it exists again: it has not failed.
func (p *plug) checkZones() {
	p.followSource()
	for _, z := range p.zones {
		index := host.ZoneOf(z.name)
		if index == z.index {
			continue
		}
		z.index = index
		for _, at := range z.words {
			at.StoreZone(index)
		}
		if index == address.NoInterface {
			p.log.Warn("interface removed; its addresses cannot be reached", "interface", z.name)
			continue
		}
		for _, slot := range z.slots {
			p.generation.board.TargetState(slot).Failed.Store(0)
		}
		p.log.Info("interface recreated", "interface", z.name, "index", index)
	}
}

// followSource binds listeners with a zone to the interface that has its name now.
// All workers share the sockets, so nothing else changes.
func (p *plug) followSource() {
	if p.m.phase != running {
		return
	}
	for _, l := range p.listeners {
		name, fd := l.source.Addr.Zone(), l.fd
		if name == "" {
			continue
		}
		index := host.ZoneOf(name)
		at, err := unix.Getsockname(fd)
		in6, ok := at.(*unix.SockaddrInet6)
		if err != nil || !ok || in6.ZoneId == 0 || in6.ZoneId == index || index == address.NoInterface {
			continue
		}
		if err := host.BindToIndex(fd, index); err == nil {
			p.log.Warn("the source's interface was recreated; listening on it again", "interface", name)
			p.sourceLost = false
		} else if !p.sourceLost {
			p.sourceLost = true
			p.log.Error("the source's interface was recreated, but plug cannot listen on it", "interface", name, "error", err)
		}
	}
}

// withZoneName returns an address or a network with its zone by the interface's
// name, as records show it, if the zone was given by number.
func withZoneName(text string) string {
	before, zone, found := strings.Cut(text, "%")
	end := strings.IndexAny(zone+"/", "/]")
	index, err := strconv.Atoi(zone[:end])
	if !found || err != nil {
		return text
	}
	i, err := net.InterfaceByIndex(index)
	if err != nil {
		return text // the interface is gone: records then have the number, too
	}
	return before + "%" + i.Name + zone[end:]
}
