// Optional plugs: one that cannot start does not keep the others from being served, and is
// tried again every two seconds, by a reload that only adds it.

package supervisor

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
)

// absentAgain is how often optional plugs that could not start are tried.
const absentAgain = int(2 * time.Second / tickEvery)

// leaveOut continues a start without a plug. It returns false if the plug is not optional,
// or is the last one.
func (m *master) leaveOut(p *plug, err error) bool {
	if !p.given.Optional || len(m.plugs) == 1 {
		return false
	}
	for _, l := range p.listeners {
		unix.Close(l.fd)
	}
	m.plugs = slices.DeleteFunc(slices.Clone(m.plugs), func(q *plug) bool { return q == p })
	m.absent = append(m.absent, p.given)
	m.log.Warn("an optional plug cannot start; it is tried again every 2 s", "plug", p.name(), "reason", host.Reason(err))
	return true
}

// tryAbsent tries to start the optional plugs that could not start.
func (m *master) tryAbsent() {
	if len(m.absent) == 0 || m.ticks.n%absentAgain != 0 || !m.mayAdd() {
		return
	}
	all := slices.Clone(m.absent)
	go func() {
		// Whatever fails now would also fail in a reload, which takes longer and during
		// which no other one is possible.
		all = slices.DeleteFunc(all, func(cfg *config.Plug) bool {
			return slices.ContainsFunc(cfg.Listeners, func(s config.Source) bool { return s.Inherited != "" || host.Bindable(s) != nil })
		})
		if len(all) > 0 {
			m.do(func() { m.addAbsent(all) })
		}
	}()
}

// mayAdd reports whether a reload may begin.
func (m *master) mayAdd() bool {
	return m.phase == running && m.reloads.current == nil && m.upgrades.current == nil && !m.upgrades.frozen
}

// addAbsent begins a reload that adds these plugs.
func (m *master) addAbsent(all []*config.Plug) {
	all = slices.DeleteFunc(all, func(cfg *config.Plug) bool { return !slices.Contains(m.absent, cfg) }) // a reload came first
	if len(all) == 0 || !m.mayAdd() {
		return
	}
	next := m.inEffect()
	next.Plugs = append(next.Plugs, all...)
	r := &reload{m: m, quiet: true, then: func(act, error) {}}
	for _, cfg := range m.absent {
		if !slices.Contains(all, cfg) {
			r.absent = append(r.absent, cfg)
		}
	}
	m.reloads.current = r
	r.begin(next, nil)
}

// leaveOut takes the optional plugs that cannot be opened out of a reload.
func (r *reload) leaveOut() {
	r.changes = slices.DeleteFunc(r.changes, func(c *plugChange) bool {
		if c.failed == nil {
			return false
		}
		r.absent = append(r.absent, c.given)
		if !r.quiet {
			r.m.log.Warn("an optional plug cannot start; it is tried again every 2 s", "plug", c.given.Name, "reason", host.Reason(c.failed))
		}
		return true
	})
}
