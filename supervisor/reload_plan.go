// What a reload changes: for each plug, which listeners it keeps, opens and leaves, and
// whether running workers can follow or new ones are needed.

package supervisor

import (
	"fmt"
	"slices"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker"
)

// plugChange is what a reload changes of one plug.
type plugChange struct {
	p       *plug        // one that is served, or a new one
	given   *config.Plug // its next configuration; nil if it is removed
	settled settled
	added   bool
	failed  error // an optional plug cannot be opened
	fresh   bool  // it needs new workers

	keeps  []listener      // that it has, or that another plug gives up
	opens  []config.Source // to be bound
	opened []listener
	news   []listener // of all these, those that its workers do not have yet
	leaves []listener

	session string // path of another session file, which is to be opened
	file    outlet

	live *liveChange
}

// listeners returns those that the plug has after the reload.
func (c *plugChange) listeners() []listener { return slices.Concat(c.keeps, c.opened) }

// plan returns the changes to a next configuration, in the order of its plugs, and then
// the plugs that are removed.
func (m *master) plan(next *config.Config, diff []config.Difference) ([]*plugChange, error) {
	given := map[string][]listener{} // listeners that plugs give up, by source
	var all []*plugChange
	for _, p := range m.plugs {
		cfg := next.PlugNamed(p.given.Name)
		c := &plugChange{p: p, given: cfg}
		for _, l := range p.listeners {
			if cfg != nil && slices.ContainsFunc(cfg.Listeners, l.serves) {
				c.keeps = append(c.keeps, l)
				continue
			}
			c.leaves = append(c.leaves, l)
			given[l.given.String()] = append(given[l.given.String()], l)
		}
		all = append(all, c)
	}
	for i, cfg := range next.Plugs {
		at := slices.IndexFunc(all, func(c *plugChange) bool { return c.given == cfg })
		if at < 0 {
			all = append(all, &plugChange{p: m.newPlug(cfg), given: cfg, added: true})
			at = len(all) - 1
		}
		all[i], all[at] = all[at], all[i] // the removed ones come last
	}
	changed := all[:0]
	for _, c := range all {
		if err := c.plan(diff, given); err != nil {
			return nil, err
		}
		if c.changes(diff) {
			changed = append(changed, c)
		}
	}
	return changed, nil
}

// serves reports whether a listener is one of this source.
func (l listener) serves(s config.Source) bool { return l.given.String() == s.String() }

// plan finds out what one plug needs. given are the listeners that other plugs give up.
func (c *plugChange) plan(diff []config.Difference, given map[string][]listener) error {
	if c.given == nil {
		return nil
	}
	c.settled = settle(c.given)
	for _, source := range c.given.Listeners {
		if slices.ContainsFunc(c.keeps, func(l listener) bool { return l.serves(source) }) {
			continue
		}
		if free := given[source.String()]; len(free) > 0 {
			for _, l := range free {
				l.number = c.p.nextNumber
				c.p.nextNumber++
				c.keeps, c.news = append(c.keeps, l), append(c.news, l)
			}
			delete(given, source.String())
			continue
		}
		if source.Inherited != "" {
			return fmt.Errorf("plug %s: source %s: the service manager's sockets are taken at a start", c.given.Name, source)
		}
		c.opens = append(c.opens, source)
	}
	if c.added || c.given.SessionLog != c.p.given.SessionLog {
		c.session = c.given.SessionLog
	}
	c.fresh = slices.ContainsFunc(diff, func(d config.Difference) bool {
		return d.Plug == c.given.Name && (d.Change == config.ChangeGeneration || !worker.FollowsChanges && d.Change != config.ChangeNever)
	})
	if w, capacity := shapeOf(c.given, c.settled); !c.added {
		had := c.p.generation.board.Assignment
		c.fresh = c.fresh || w > int(had.Workers) || capacity != int(had.Capacity) // more workers than the board has room for
	}
	return nil
}

// changes reports whether anything of the plug changes.
func (c *plugChange) changes(diff []config.Difference) bool {
	return c.given == nil || c.added || slices.ContainsFunc(diff, func(d config.Difference) bool { return d.Plug == c.given.Name })
}
