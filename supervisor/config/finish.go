// How the values of a draft fit together, and the defaults that depend on others.

package config

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// placeSource reads the first positional argument, and merges -i and -p into it.
func (d *Draft) placeSource() {
	if len(d.Args) == 0 {
		d.report(&Problem{Option: "source", Absent: true, Reason: "none given; expected a port or address:port to listen on, then the targets"})
		return
	}
	text := d.Args[0]
	source, outgoing, err := parseSource(text)
	if err != nil {
		d.report(&Problem{Option: "source", Value: text, Reason: err.Error()})
		return
	}
	if d.Bind.IsValid() && source.Addr != d.Bind {
		if source.Addr.IsValid() || source.Inherited != "" || strings.HasPrefix(text, "*") {
			d.report(&Problem{Option: "bind", Value: d.Bind.String(),
				Reason: fmt.Sprintf("the source %q names another address; give only one", text)})
			return
		}
		source = Source{Addr: d.Bind, Port: source.Port, Named: true}
	}
	if outgoing.Addr.IsValid() {
		if d.SourceAddress.IsValid() && d.SourceAddress != outgoing.Addr {
			d.report(&Problem{Option: "source-address", Value: d.SourceAddress.String(),
				Reason: fmt.Sprintf("the source %q names another address after the slash; give only one", text)})
			return
		}
		d.SourceAddress = outgoing.Addr
	}
	d.SourceInterface, d.Name = outgoing.Interface, source.Label()
	d.sources = []listenerDraft{{Source: source}}
	d.settleListeners()
}

// listenerDraft is a listener with what its own block says.
type listenerDraft struct {
	Source
	backlog  int   // 0: that of the plug
	freebind *bool // nil: that of the plug
}

// settleListeners sets the options of the listeners that depend on the kind of source.
func (d *Draft) settleListeners() {
	given := d.Backlog != unset
	if !given && slices.ContainsFunc(d.sources, func(l listenerDraft) bool { return l.Inherited == "" }) {
		d.Backlog = defaultBacklog
	}
	d.Backlog = max(d.Backlog, 0)
	d.Listeners = make([]Source, 0, len(d.sources))
	named := false
	for i, l := range d.sources {
		if l.Inherited == "" || given {
			l.Backlog = d.Backlog
		}
		if l.backlog != 0 {
			l.Backlog = l.backlog
		}
		l.Freebind, named = d.Freebind && l.Named, named || l.Named
		if l.freebind != nil {
			if l.Freebind = *l.freebind; l.Freebind {
				d.checkFreebind(i, l.Named)
			}
		}
		d.Listeners = append(d.Listeners, l.Source)
	}
	if d.Freebind {
		d.checkFreebind(wholePlug, named)
	}
}

// checkFreebind checks --freebind, for a listener by its index or for all of them.
func (d *Draft) checkFreebind(listener int, named bool) {
	switch {
	case runtime.GOOS != "linux":
		d.report(&Problem{Option: "freebind", Value: "true", Index: listener, Reason: "only Linux can listen on an address that the host does not have"})
	case !named:
		d.report(&Problem{Option: "freebind", Value: "true", Index: listener, Reason: "the source names no address; expected one, as in 10.0.0.1:80"})
	}
}

// placeTargets reads the other positional arguments.
func (d *Draft) placeTargets() {
	texts := d.Args[1:]
	if len(texts) == 0 {
		d.report(&Problem{Option: "target", Absent: true, Reason: "none given; expected one or more after the source, as in plug 80 10.0.0.1:8080"})
		return
	}
	if len(texts) > MaxTargets {
		d.report(&Problem{Option: "target", Value: texts[MaxTargets], Reason: tooMany("targets", MaxTargets)})
		return
	}
	for _, text := range texts {
		target, err := parseTarget(text, d.port(), d.Via.IsValid())
		if err != nil {
			d.report(&Problem{Option: "target", Value: text, Reason: err.Error()})
			return
		}
		d.Targets = append(d.Targets, target)
	}
}

// port returns the port of targets that name no port. It is the port of the listeners; 0 if
// their ports differ, or if no listener has a port.
func (d *Draft) port() (port uint16) {
	for _, l := range d.sources {
		if l.Port != 0 && port != 0 && l.Port != port {
			return 0
		}
		port = max(port, l.Port)
	}
	return port
}

func tooMany(what string, limit int) string {
	return fmt.Sprintf("one too many; the limit is %d %s", limit, what)
}

func (d *Draft) checkCounts() {
	if len(d.Rules) > MaxRules {
		d.report(&Problem{Option: "allow", Value: d.Rules[MaxRules].String(), Reason: tooMany("rules", MaxRules)})
	}
}

// checkFamilies checks that a socket with the source address can reach whatever plug
// connects to: with -h that is only the HTTP proxy.
func (d *Draft) checkFamilies() {
	from := d.SourceAddress
	if !from.IsValid() {
		return
	}
	check := func(option string, index int, to netip.AddrPort) {
		if to.IsValid() && to.Addr().Is4() != from.Is4() {
			d.report(&Problem{Option: option, Value: to.String(), Index: index, Reason: fmt.Sprintf(
				"cannot be reached from the source address %s; both must be IPv4, or both IPv6", from)})
		}
	}
	if d.Via.IsValid() {
		check("via", wholePlug, d.Via)
		return
	}
	for i, target := range d.Targets {
		check("target", i, target.Addr)
	}
}

// checkInterfaces checks that every named interface exists, whether it was given directly
// or after the % of an address.
func (d *Draft) checkInterfaces() {
	check := func(option string, index int, value, name string) {
		if name == "" {
			return
		}
		if err := d.system.Interface(name); err != nil {
			d.report(&Problem{Option: option, Value: value, Index: index, Reason: err.Error()})
		}
	}
	if len(d.Args) > 0 {
		check("source", 0, d.Args[0], d.SourceInterface)
	} else {
		check("source-interface", wholePlug, d.SourceInterface, d.SourceInterface)
	}
	for i, source := range d.Listeners {
		check("source", i, source.String(), source.Addr.Zone())
	}
	check("source-address", wholePlug, d.SourceAddress.String(), d.SourceAddress.Zone())
	check("via", wholePlug, d.Via.String(), d.Via.Addr().Zone())
	for i, target := range d.Targets {
		check("target", i, target.String(), target.Addr.Addr().Zone())
	}
}

// settleNumbers sets workers and uses as the mode requires.
func (d *Draft) settleNumbers() {
	if d.Workers != unset && d.Mode != Pool {
		d.report(&Problem{Option: "workers", Value: strconv.Itoa(d.Workers),
			Reason: "only --mode pool has a fixed number of workers; use --spares or --max-workers"})
	} else if d.MaxWorkers != 0 && d.Workers > d.MaxWorkers {
		d.report(&Problem{Option: "workers", Value: strconv.Itoa(d.Workers),
			Reason: fmt.Sprintf("must be at most --max-workers, %d", d.MaxWorkers)})
	}
	d.Workers = max(d.Workers, 0)
	if d.MaxUses == unset {
		d.MaxUses = map[Mode]int{Fork: 1, Prefork: 10_000, Pool: 0}[d.Mode]
	}
	if d.Mode == Fork && d.MaxUses != 1 {
		d.report(&Problem{Option: "max-uses", Value: strconv.Itoa(d.MaxUses),
			Reason: "--mode fork starts a new process for every session; must be 1, or use --mode prefork"})
	}
}

// settleSpares sets the spares that mode and --max-workers allow: if the requested number
// is not possible, that is an error; the default is reduced.
func (d *Draft) settleSpares() {
	asked := d.SparesMin != unset
	limit := d.MaxWorkers
	if limit == 0 {
		limit = MaxWorkers
	}
	switch {
	case asked && d.Mode == Pool:
		d.report(&Problem{Option: "spares", Value: d.spares(), Reason: "--mode pool has no spares; use --workers"})
	case asked && d.SparesMin > limit:
		d.report(&Problem{Option: "spares", Value: d.spares(), Reason: fmt.Sprintf("MIN must be at most --max-workers, %d", limit)})
	case d.Mode == Pool:
		d.SparesMin, d.SparesMax = 0, 0
	case !asked:
		d.SparesMin, d.SparesMax = min(4, limit), min(16, limit)
	}
}

// spares is the option in the form that parseSpares reads, "" with pool.
func (p *Plug) spares() string {
	if p.SparesMax <= 0 {
		return ""
	}
	return strconv.Itoa(p.SparesMin) + ":" + strconv.Itoa(p.SparesMax)
}
