// What a reload prepares before its commit: sockets, session files, assignments, and new
// plugs and generations with their first workers; and how that is undone.

package supervisor

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// open binds listeners and opens session files, which may wait (goroutine). undo closes
// them.
func open(changes []*plugChange) (undo func(), err error) {
	var fds []int
	undo = func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	for _, c := range changes {
		err := c.open()
		if err != nil && c.added && c.given.Optional {
			for _, l := range c.opened {
				unix.Close(l.fd)
			}
			c.failed = err
			continue
		}
		for _, l := range c.opened {
			fds = append(fds, l.fd)
		}
		if err != nil {
			return undo, fmt.Errorf("plug %s: %w", c.given.Name, err)
		}
		if c.session != "" {
			fds = append(fds, c.file.fd)
		}
	}
	return undo, nil
}

// open binds the listeners and opens the session file of one plug.
func (c *plugChange) open() (err error) {
	for _, source := range c.opens {
		fd, err := host.Listen(source, source.Backlog, c.given.ClientSockets())
		if err != nil {
			return err
		}
		c.opened = append(c.opened, listener{fd: fd, source: source, given: source})
	}
	if c.session == "" {
		return nil
	}
	c.file, err = openSession(c.session, credentialOf(c.given))
	return err
}

// prepare makes memories and generations, and starts the first workers of those.
func (r *reload) prepare(err error) {
	r.leaveOut()
	for _, c := range r.changes {
		if r.over || err != nil {
			break
		}
		for i := range c.opened {
			c.opened[i].number = c.p.nextNumber
			c.p.nextNumber++
		}
		c.news = append(c.news, c.opened...)
		switch {
		case c.given == nil:
		case c.added:
			err = r.prepareAdded(c)
		case c.fresh:
			err = r.prepareFresh(c)
		default:
			c.live, err = c.p.prepareLive(c.p.generation, r.m.cfg, c.effective())
			if err == nil {
				r.undo = append(r.undo, c.live.undo)
			}
		}
		if err != nil {
			err = fmt.Errorf("plug %s: %w", c.p.name(), err)
		}
	}
	if err != nil {
		r.fail(err)
		return
	}
	r.deadline = time.Now().Add(startPatience)
	r.advance(time.Now())
}

// effective returns the configuration with what its listeners show.
func (c *plugChange) effective() *config.Plug { return learned(c.given, c.listeners()) }

// prepareAdded prepares a plug that is not served yet.
func (r *reload) prepareAdded(c *plugChange) (err error) {
	p := c.p
	p.listeners, p.arriving = c.listeners(), true
	p.learn()
	f := &p.sessionFile
	f.path, f.fd, f.fail = c.session, -1, p.sessionFailed
	if c.session != "" {
		f.use(c.file)
	}
	if p.generation, err = p.newGeneration(p.cfg, p.settled, len(p.listeners)); err != nil {
		return err
	}
	p.first = p.firstWorkers()
	r.m.others = append(r.m.others, p)
	r.undo = append(r.undo, func() {
		p.sessionFile.fd = -1 // it is closed with what was opened
		r.m.removePlug(p)
	})
	return nil
}

// firstWorkers returns how many workers a plug begins with.
func (p *plug) firstWorkers() int {
	if p.pool() {
		return p.settled.workers
	}
	return min(max(p.cfg.SparesMin, 0), p.settled.maxWorkers)
}

// prepareFresh prepares the next generation of a plug that is served.
func (r *reload) prepareFresh(c *plugChange) error {
	p := c.p
	g, err := p.newGeneration(c.effective(), c.settled, len(c.listeners()))
	if err != nil {
		return err
	}
	g.board.Assignment.AffinityKey = p.generation.board.Assignment.AffinityKey
	first := c.settled.workers
	if c.given.Mode != config.Pool {
		first = min(max(c.given.SparesMin, p.ready()), c.settled.maxWorkers)
	}
	p.next = &nextGeneration{generation: g, cfg: c.effective(), listeners: c.listeners(), first: first}
	r.undo = append(r.undo, func() { p.giveUpNext() })
	return nil
}

// giveUpNext ends the workers of a generation that is not needed after all.
func (p *plug) giveUpNext() {
	g := p.next.generation
	for state, n := range p.next.count {
		p.count[state] += n
	}
	p.next, p.older = nil, append(p.older, g)
	g.moved, _ = matchTargets(g.board, p.generation.board)
	g.board.State.Gate.Store(board.GateDraining)
	for _, c := range slices.Clone(p.roster) {
		if c.generation == g && c.state != gone {
			p.m.apply(c, toldDrain)
		}
	}
	if len(g.free) == len(g.slots) {
		p.retire(g)
	}
}

// fill starts the workers that a generation needs to begin with. It reports whether all
// are ready.
func (p *plug) fill(g *generation, cfg *config.Plug, listeners []listener, first int) bool {
	count := p.countOf(g)
	for n := first - count[starting] - count[spare]; n > 0 && p.startWorkerOf(g, cfg, listeners); n-- {
	}
	return count[starting] == 0 && count[spare] >= first
}
