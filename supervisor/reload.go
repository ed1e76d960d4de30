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

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker"
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
	dry      bool           // only say what would change
	quiet    bool           // a retry of an optional plug, which is not logged unless it succeeds
	absent   []*config.Plug // optional plugs that stay out
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

// all yields the plugs that have a generation: those that are served, and those that are
// being prepared or were removed.
func (m *master) all() iter.Seq[*plug] {
	return func(yield func(*plug) bool) {
		all := m.plugs
		if len(m.others) > 0 {
			all = slices.Concat(m.plugs, m.others)
		}
		for _, p := range all {
			if p.generation != nil && !yield(p) {
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

// reread returns the function that reads configuration files again.
func reread(files *config.Files) func() (*config.Config, error) {
	return func() (*config.Config, error) {
		system := config.ThisSystem()
		system.Lacks = worker.Lacks
		loaded := files.Load(system)
		if loaded.Config == nil {
			return nil, &fileError{loaded}
		}
		return loaded.Config, nil
	}
}

// fileError is what is wrong with configuration files: in the log the first error, and for
// a control client all of them.
type fileError struct{ loaded *config.Loaded }

func (e *fileError) Error() string { return e.loaded.First() }

// reload reads the configuration again and applies what has changed, or with dry set says
// what that would be (loop). then gets the result when it is known.
func (m *master) reload(dry bool, then func(act, error)) {
	if m.reloads.load == nil {
		m.reloadNothing(then)
		return
	}
	if m.phase != running || m.reloads.current != nil || m.upgrades.current != nil {
		then(act{}, errors.New("a reload or an upgrade is in progress; try again"))
		return
	}
	r := &reload{m: m, dry: dry, then: then}
	m.reloads.current = r
	if !dry {
		m.starter.Tell("reloading", "")
		m.reopen(func(error, bool) {})
	}
	load := m.reloads.load
	go func() {
		next, err := load()
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
	if r.dry {
		r.finish()
		r.then(act{said: r.said()}, nil)
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

// fail undoes what was prepared. The configuration before stays in effect.
func (r *reload) fail(err error) {
	if r.over {
		return
	}
	r.finish()
	for _, undo := range slices.Backward(r.undo) {
		undo()
	}
	if !r.dry && !r.quiet {
		r.m.log.Error("reload failed; nothing has changed", "reason", host.Reason(err))
	}
	r.then(act{}, fmt.Errorf("reload failed; nothing has changed: %w", err))
}

func (r *reload) finish() {
	r.over = true
	r.m.reloads.current = nil
	if !r.dry && !r.quiet {
		r.m.starter.Tell("reloaded", "")
	}
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
