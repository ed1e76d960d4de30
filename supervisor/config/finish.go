// How the values of a draft fit together, and the defaults that depend on others.

package config

import (
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
)

// placeSource reads the first positional argument, and merges -i and -p into it.
func (d *Draft) placeSource(*System) *Problem {
	if len(d.Args) == 0 {
		return &Problem{Option: "source", Absent: true, Reason: "none given; expected a port or address:port to listen on, then the targets"}
	}
	text := d.Args[0]
	source, outgoing, err := parseSource(text)
	if err != nil {
		return &Problem{Option: "source", Value: text, Reason: err.Error()}
	}
	if d.Bind.IsValid() && source.Addr != d.Bind {
		if source.Addr.IsValid() || source.Inherited != "" || strings.HasPrefix(text, "*") {
			return &Problem{Option: "bind", Value: d.Bind.String(),
				Reason: fmt.Sprintf("the source %q names another address; give only one", text)}
		}
		source = Source{Addr: d.Bind, Port: source.Port, Named: true}
	}
	if outgoing.Addr.IsValid() {
		if d.SourceAddress.IsValid() && d.SourceAddress != outgoing.Addr {
			return &Problem{Option: "source-address", Value: d.SourceAddress.String(),
				Reason: fmt.Sprintf("the source %q names another address after the slash; give only one", text)}
		}
		d.SourceAddress = outgoing.Addr
	}
	d.SourceInterface = outgoing.Interface
	return d.settleListener(source)
}

// settleListener sets the options of the listener that depend on the kind of source.
func (d *Draft) settleListener(source Source) *Problem {
	if d.Backlog == unset && source.Inherited == "" {
		d.Backlog = defaultBacklog
	}
	d.Backlog = max(d.Backlog, 0)
	source.Freebind, source.Backlog = d.Freebind, d.Backlog
	d.Name, d.Listeners = source.Label(), []Source{source}
	switch {
	case !d.Freebind:
	case runtime.GOOS != "linux":
		return &Problem{Option: "freebind", Value: "true", Reason: "only Linux can listen on an address that the host does not have"}
	case !source.Named:
		return &Problem{Option: "freebind", Value: "true", Reason: "the source names no address; expected one, as in 10.0.0.1:80"}
	}
	return nil
}

// placeTargets reads the other positional arguments.
func (d *Draft) placeTargets(*System) *Problem {
	texts := d.Args[1:]
	if len(texts) == 0 {
		return &Problem{Option: "target", Absent: true, Reason: "none given; expected one or more after the source, as in plug 80 10.0.0.1:8080"}
	}
	if len(texts) > MaxTargets {
		return &Problem{Option: "target", Value: texts[MaxTargets],
			Reason: fmt.Sprintf("one too many; the limit is %d targets", MaxTargets)}
	}
	d.Targets = make([]Target, 0, len(texts))
	for _, text := range texts {
		target, err := parseTarget(text, d.Listeners[0].Port, d.Via.IsValid())
		if err != nil {
			return &Problem{Option: "target", Value: text, Reason: err.Error()}
		}
		d.Targets = append(d.Targets, target)
	}
	return nil
}

func (d *Draft) checkCounts(*System) *Problem {
	if len(d.Rules) > MaxRules {
		return &Problem{Option: "allow", Value: d.Rules[MaxRules].String(),
			Reason: fmt.Sprintf("one too many; the limit is %d rules", MaxRules)}
	}
	return nil
}

// checkFamilies checks that a socket with the source address can reach whatever plug
// connects to: with -h that is only the HTTP proxy.
func (d *Draft) checkFamilies(*System) *Problem {
	from := d.SourceAddress
	if !from.IsValid() {
		return nil
	}
	apart := func(option string, to netip.AddrPort) *Problem {
		if to.Addr().Is4() == from.Is4() {
			return nil
		}
		return &Problem{Option: option, Value: to.String(), Reason: fmt.Sprintf(
			"cannot be reached from the source address %s; both must be IPv4, or both IPv6", from)}
	}
	if d.Via.IsValid() {
		return apart("via", d.Via)
	}
	for _, target := range d.Targets {
		if problem := apart("target", target.Addr); problem != nil {
			return problem
		}
	}
	return nil
}

// checkInterfaces checks that every named interface exists, whether it was given directly
// or after the % of an address.
func (d *Draft) checkInterfaces(system *System) *Problem {
	check := func(option, value, name string) *Problem {
		if name == "" {
			return nil
		}
		if err := system.Interface(name); err != nil {
			return &Problem{Option: option, Value: value, Reason: err.Error()}
		}
		return nil
	}
	if problem := check("source", d.Args[0], d.SourceInterface); problem != nil {
		return problem
	}
	if problem := check("source", d.Listeners[0].String(), d.Listeners[0].Addr.Zone()); problem != nil {
		return problem
	}
	if problem := check("source-address", d.SourceAddress.String(), d.SourceAddress.Zone()); problem != nil {
		return problem
	}
	if problem := check("via", d.Via.String(), d.Via.Addr().Zone()); problem != nil {
		return problem
	}
	for _, target := range d.Targets {
		if problem := check("target", target.String(), target.Addr.Addr().Zone()); problem != nil {
			return problem
		}
	}
	return nil
}

// settleNumbers sets workers and uses as the mode requires.
func (d *Draft) settleNumbers(*System) *Problem {
	if d.Workers != unset && d.Mode != Pool {
		return &Problem{Option: "workers", Value: strconv.Itoa(d.Workers),
			Reason: "only --mode pool has a fixed number of workers; use --spares or --max-workers"}
	}
	if d.MaxWorkers != 0 && d.Workers > d.MaxWorkers {
		return &Problem{Option: "workers", Value: strconv.Itoa(d.Workers),
			Reason: fmt.Sprintf("must be at most --max-workers, %d", d.MaxWorkers)}
	}
	d.Workers = max(d.Workers, 0)
	if d.MaxUses == unset {
		d.MaxUses = map[Mode]int{Fork: 1, Prefork: 10_000, Pool: 0}[d.Mode]
	}
	if d.Mode == Fork && d.MaxUses != 1 {
		return &Problem{Option: "max-uses", Value: strconv.Itoa(d.MaxUses),
			Reason: "--mode fork starts a new process for every session; must be 1, or use --mode prefork"}
	}
	return nil
}

// settleSpares sets the spares that mode and --max-workers allow: if the requested number
// is not possible, that is an error; the default is reduced.
func (d *Draft) settleSpares(*System) *Problem {
	asked := d.SparesMin != unset
	limit := d.MaxWorkers
	if limit == 0 {
		limit = MaxWorkers
	}
	switch {
	case asked && d.Mode == Pool:
		return &Problem{Option: "spares", Value: d.spares(), Reason: "--mode pool has no spares; use --workers"}
	case asked && d.SparesMin > limit:
		return &Problem{Option: "spares", Value: d.spares(), Reason: fmt.Sprintf("MIN must be at most --max-workers, %d", limit)}
	case d.Mode == Pool:
		d.SparesMin, d.SparesMax = 0, 0
	case !asked:
		d.SparesMin, d.SparesMax = min(4, limit), min(16, limit)
	}
	return nil
}

// spares is the option in the form that parseSpares reads, "" with pool.
func (p *Plug) spares() string {
	if p.SparesMax <= 0 {
		return ""
	}
	return strconv.Itoa(p.SparesMin) + ":" + strconv.Itoa(p.SparesMax)
}
