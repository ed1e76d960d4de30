// A reload: the configuration is read again, and the differences are applied. It is a
// transaction: everything that can fail is done first, and undone if anything fails; the
// commit is one step of the loop.

package supervisor

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// reloads are the changes of the configuration while the master runs.
type reloads struct {
	load    func() (*config.Config, error) // reads the configuration again; nil for a command line
	process *config.Process                // as it was read
	current *reload                        // in progress
	left    []leftListener
}

// reload is a change of the configuration in progress.
type reload struct {
	m        *master
	next     *config.Config
	diff     []config.Difference
	changes  []*plugChange
	undo     []func()  // of what was prepared, in this order
	deadline time.Time // for first workers; zero before they are started
	over     bool
	then     func(act, error)
}

// nextGeneration is a generation that is being prepared for a plug that is served.
type nextGeneration struct {
	*generation
	cfg       *config.Plug
	listeners []listener
	first     int             // number of workers that must be ready
	count     [lifeStates]int // of its workers, by state
}

// leftListener is a listener that workers were told to leave.
type leftListener struct {
	listener
	since time.Time
}

// leaveWithin is how long workers have to leave a listener, before it is shut down for
// those that have not.
const leaveWithin = 100 * time.Millisecond

// all yields the plugs with workers: those that are served, and those that are being
// prepared or were removed.
func (m *master) all() iter.Seq[*plug] {
	return func(yield func(*plug) bool) {
		for _, p := range slices.Concat(m.plugs, m.others) {
			if !yield(p) {
				return
			}
		}
	}
}

// countOf returns the counts that the workers of a generation belong to.
func (p *plug) countOf(g *generation) *[lifeStates]int {
	if p.next != nil && p.next.generation == g {
		return &p.next.count
	}
	return &p.count
}

// preparing reports whether a generation is being prepared by a reload.
func (m *master) preparing(g *generation) bool {
	p := g.plug
	return m.reloads.current != nil && (p.next != nil && p.next.generation == g || p.arriving)
}

// reload reads the configuration again and applies what has changed (loop). then gets
// the result when it is known.
func (m *master) reload(then func(act, error)) {
	if m.reloads.load == nil {
		m.reloadNothing(then)
		return
	}
	if m.phase != running || m.reloads.current != nil || m.upgrades.current != nil {
		then(act{}, errors.New("a reload or an upgrade is in progress; try again"))
		return
	}
	r := &reload{m: m, then: then}
	m.reloads.current = r
	m.starter.Tell("reloading", "")
	var err error
	go func() {
		var next *config.Config
		next, err = m.reloads.load()
		m.do(func() { r.begin(next, err) })
	}()
}

// reloadNothing is the reload of a plug from a command line.
func (m *master) reloadNothing(then func(act, error)) {
	said := "nothing to reload (options come from the command line); session log reopened"
	m.starter.Tell("reloading", "")
	m.notice("reload", said)
	m.reopen(func(err error, changed bool) {
		m.starter.Tell("reloaded", "")
		then(act{said, changed}, err)
	})
}

// inEffect returns the configuration that is in effect, as it was read.
func (m *master) inEffect() *config.Config {
	c := &config.Config{Process: *m.reloads.process}
	for _, p := range m.plugs {
		c.Plugs = append(c.Plugs, p.given)
	}
	return c
}

// begin compares the next configuration with the one in effect, and opens what it
// needs.
func (r *reload) begin(next *config.Config, err error) {
	if r.over {
		return
	}
	m := r.m
	if err == nil {
		r.next = next
		r.diff, err = config.Diff(m.inEffect(), next)
	}
	if err == nil {
		err = r.possible()
	}
	if err == nil {
		r.changes, err = m.plan(next, r.diff)
	}
	if err != nil {
		r.fail(err)
		return
	}
	go func() {
		undo, err := open(r.changes)
		if !m.do(func() {
			r.undo = append(r.undo, undo)
			r.prepare(err)
		}) {
			undo()
		}
	}()
}

// possible returns an error if the process cannot change as it should.
func (r *reload) possible() error {
	for _, d := range r.diff {
		if d.Plug == "" && d.Option != "debug" {
			return fmt.Errorf("%s: it changes only at a start or an upgrade", d.Option)
		}
	}
	return nil
}

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
		for _, source := range c.opens {
			fd, err := host.Listen(source, source.Backlog, c.given.ClientSockets())
			if err != nil {
				return undo, fmt.Errorf("plug %s: %w", c.given.Name, err)
			}
			fds = append(fds, fd)
			c.opened = append(c.opened, listener{fd: fd, source: source, given: source})
		}
		if c.session == "" {
			continue
		}
		if c.file, err = within(openPatience, "session file "+c.session, func() (outlet, error) {
			return openSessionAs(c.session, credentialOf(c.given))
		}); err != nil {
			return undo, fmt.Errorf("plug %s: %w", c.given.Name, err)
		}
		fds = append(fds, c.file.fd)
	}
	return undo, nil
}

// prepare makes memories and generations, and starts the first workers of those.
func (r *reload) prepare(err error) {
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

// advance starts first workers that are missing, and commits when all are ready.
func (r *reload) advance(now time.Time) {
	if r.over || r.deadline.IsZero() {
		return
	}
	waits := false
	for _, c := range r.changes {
		switch p := c.p; {
		case c.added:
			waits = !p.fill(p.generation, p.cfg, p.listeners, p.first) || waits
		case c.fresh:
			waits = !p.fill(p.next.generation, p.next.cfg, p.next.listeners, p.next.first) || waits
		}
	}
	switch {
	case !waits:
		r.commit()
	case now.After(r.deadline):
		r.fail(fmt.Errorf("the first workers were not ready within %v", startPatience))
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

// fail undoes what was prepared. The configuration before stays in effect.
func (r *reload) fail(err error) {
	if r.over {
		return
	}
	r.finish()
	for _, undo := range slices.Backward(r.undo) {
		undo()
	}
	r.m.log.Error("reload failed; nothing has changed", "reason", host.Reason(err))
	r.then(act{}, fmt.Errorf("reload failed; nothing has changed: %w", err))
}

func (r *reload) finish() {
	r.over = true
	r.m.reloads.current = nil
	r.m.starter.Tell("reloaded", "")
}

// said describes what a reload has changed.
func (r *reload) said() string {
	if len(r.diff) == 0 {
		return "nothing has changed"
	}
	lines := make([]string, len(r.diff))
	for i, d := range r.diff {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}
