// The commit of a reload: in one step of the loop, workers get the new assignments, gates
// change, and listeners come and go.

package supervisor

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// commit puts the next configuration into effect.
func (r *reload) commit() {
	m, now := r.m, time.Now()
	r.finish()
	moved := map[int]bool{} // listeners that another plug keeps
	for _, c := range r.changes {
		for _, l := range c.keeps {
			moved[l.fd] = true
		}
	}
	for _, c := range r.changes {
		p := c.p
		if c.given == nil {
			m.removePlug(p)
			continue
		}
		c.takeSettings()
		switch {
		case c.added:
			m.others = slices.DeleteFunc(m.others, func(other *plug) bool { return other == p })
			m.plugs = append(m.plugs, p)
			p.arriving = false
			p.zones = zonesOf(p.generation, m.cfg, p.cfg)
			p.generation.board.State.Gate.Store(p.gate())
			p.tellGate()
		case c.fresh:
			c.switchGenerations()
		default:
			c.commitLive()
		}
	}
	for _, c := range r.changes {
		for _, l := range c.leaves {
			if !moved[l.fd] {
				m.reloads.left = append(m.reloads.left, leftListener{l, now})
			}
		}
	}
	m.sortPlugs(r.next)
	m.setZone(now)
	if r.next.Debug != m.cfg.Debug {
		m.useLogLevel(r.next.Debug)
	}
	m.reloads.process, m.absent = &r.next.Process, r.absent
	process := *m.cfg // what this master has found out about its control socket stays
	process.Debug = r.next.Debug
	m.cfg = &process
	if r.quiet {
		m.log.Info("optional plugs have started", "plugs", len(r.changes))
	} else {
		m.log.Info("reloaded", "changes", len(r.diff))
	}
	r.then(act{r.said(), len(r.diff) > 0}, nil)
}

// takeSettings gives the plug its next configuration.
func (c *plugChange) takeSettings() {
	p := c.p
	if c.added {
		return
	}
	cfg := c.effective()
	p.given, p.cfg, p.settled, p.tag = c.given, cfg, c.settled, cfg.Tag()
	p.listeners = c.listeners()
	c.takeSessionFile()
}

// takeSessionFile replaces the session file, if it has another path.
func (c *plugChange) takeSessionFile() {
	f := &c.p.sessionFile
	if c.given.SessionLog == f.path {
		return
	}
	f.path = c.given.SessionLog
	switch {
	case c.session == "": // sessions whose workers still follow the assignment before write their lines
	case f.sink == nil:
		f.use(c.file)
		c.p.sendSessionFile()
	default:
		if err := f.replace(c.file); err != nil {
			c.p.log.Error("session file "+f.path, "error", err)
		}
		c.p.sendSessionFile()
	}
}

// commitLive gives the running workers the new assignment, and the listeners.
func (c *plugChange) commitLive() {
	p := c.p
	for _, w := range p.roster {
		if w.generation != p.generation || w.state == gone {
			continue
		}
		for _, l := range c.leaves {
			w.sendNumbered(report.Leave, l.number, -1)
		}
		for _, l := range c.news {
			w.sendNumbered(report.Listen, l.number, l.fd)
		}
	}
	if err := c.live.commit(); err != nil {
		p.log.Error("live change", "error", err)
	}
}

// sendNumbered tells a worker to take clients of a listener, or to leave it.
func (c *child) sendNumbered(o report.Order, number uint32, fd int) {
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	unix.Sendmsg(c.lifeline, report.AppendNumbered(nil, o, number), rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// switchGenerations makes the prepared generation the one that accepts clients.
func (c *plugChange) switchGenerations() {
	p := c.p
	next := p.next
	for state, n := range next.count {
		p.count[state] += n
	}
	p.next = nil
	p.switchTo(next.generation, append(slices.Clone(p.older), p.generation))
	p.zones = zonesOf(p.generation, p.m.cfg, p.cfg)
	for _, w := range slices.Clone(p.roster) {
		if w.generation != p.generation && w.state != gone {
			p.m.apply(w, toldDrain)
		}
	}
	for _, g := range slices.Clone(p.older) {
		if len(g.free) == len(g.slots) {
			p.retire(g)
		}
	}
}

// removePlug stops serving a plug. Its sessions continue, and it is forgotten with the
// last of its workers.
func (m *master) removePlug(p *plug) {
	is := func(other *plug) bool { return other == p }
	m.plugs = slices.DeleteFunc(m.plugs, is)
	if !slices.ContainsFunc(m.others, is) {
		m.others = append(m.others, p)
	}
	p.removed, p.arriving, p.listeners = true, false, nil
	for g := range p.generations() {
		g.board.State.Gate.Store(board.GateDraining)
	}
	for _, c := range slices.Clone(p.roster) {
		if c.state != gone {
			m.apply(c, toldDrain)
		}
	}
	if len(p.roster) == 0 {
		m.forget(p)
	}
}

// forget closes what a removed plug still has.
func (m *master) forget(p *plug) {
	m.others = slices.DeleteFunc(m.others, func(other *plug) bool { return other == p })
	for _, g := range slices.Clone(p.older) {
		p.retire(g)
	}
	if p.generation != nil {
		m.watcher.Forget(p.generation.number, p.generation.report)
		p.generation.close()
	}
	file := &p.sessionFile
	go func() { // its last lines may wait for a disk
		if lost := file.close(); lost > 0 {
			p.log.Error("session lines lost", "session-log", file.path, "lines", lost)
		}
		if file.fd > 2 {
			unix.Close(file.fd)
		}
	}()
}

// freeLeft closes listeners that workers were told to leave. Those of a service manager
// stay open for it.
func (m *master) freeLeft(now time.Time) {
	m.reloads.left = slices.DeleteFunc(m.reloads.left, func(l leftListener) bool {
		if now.Sub(l.since) < leaveWithin {
			return false
		}
		if l.source.Inherited == "" {
			unix.Shutdown(l.fd, unix.SHUT_RD)
		}
		unix.Close(l.fd)
		return true
	})
}

// sortPlugs puts the plugs into the order of a configuration.
func (m *master) sortPlugs(c *config.Config) {
	place := func(p *plug) int {
		return slices.IndexFunc(c.Plugs, func(cfg *config.Plug) bool { return cfg.Name == p.given.Name })
	}
	slices.SortStableFunc(m.plugs, func(a, b *plug) int { return place(a) - place(b) })
}
