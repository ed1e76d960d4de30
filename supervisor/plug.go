// A plug: what belongs to one set of listeners, rules, targets and workers, and
// not to the process that serves it.

package supervisor

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-hclog"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// plug is the unit of service. The master owns it; only the loop touches it.
type plug struct {
	m   *master
	id  uint32 // unique in this master
	log hclog.Logger

	given   *config.Plug // its configuration as it was read
	cfg     *config.Plug // the same with what is known only from its listeners
	settled settled      // values that replace open ones of cfg
	tag     string       // its syslog records begin with it

	listeners  []listener
	nextNumber uint32 // of the next listener
	zones      []*zone
	sourceLost bool // the listener's interface is gone, and that was logged

	generation *generation     // the one that accepts clients
	next       *nextGeneration // is being prepared to replace it
	older      []*generation   // those with live sessions, the oldest first
	affinity   [2]uint64       // the generations' key; a new one is made if it is zero
	paused     bool
	arriving   bool // a reload prepares it
	removed    bool // by a reload; its sessions continue

	roster     []*child        // its workers, in the order of start
	count      [lifeStates]int // of them, by state
	drainQueue []*child        // draining workers that have not been told yet
	first      int             // number of workers that must be ready before the plug serves
	spawning   spawning
	supply     supply

	sessionFile sessionFile
	totals      counters.Totals
	lines       losses // session lines that were lost
}

// newPlug makes a plug of a checked configuration.
func (m *master) newPlug(cfg *config.Plug) *plug {
	m.last.plug++
	return &plug{m: m, id: m.last.plug, log: m.log, given: cfg, cfg: cfg, settled: settle(cfg), tag: cfg.Tag()}
}

// addPlug adds a plug that the master serves from its start.
func (m *master) addPlug(cfg *config.Plug) *plug {
	p := m.newPlug(cfg)
	m.plugs = append(m.plugs, p)
	return p
}

// prepare opens the session file, and makes the first generation.
func (p *plug) prepare() error {
	if err := p.openSessionFile(); err != nil {
		return err
	}
	g, err := p.newGeneration(p.cfg, p.settled, len(p.listeners))
	if err != nil {
		return err
	}
	p.generation = g
	p.zones = zonesOf(g, p.m.cfg, p.cfg)
	return nil
}

// newGeneration makes a generation for a configuration of the plug, with a closed gate.
func (p *plug) newGeneration(cfg *config.Plug, settled settled, listeners int) (*generation, error) {
	workers, capacity := shapeOf(cfg, settled)
	p.m.last.generation++
	g, err := newGeneration(p.m.last.generation, p.m.cfg, cfg, workers, capacity, listeners)
	if err != nil {
		return nil, err
	}
	g.plug, g.build = p, p.m.version
	a := g.board.Assignment
	p.assignSockets(a)
	if p.affinity != [2]uint64{} { // the entries of older generations must stay valid
		a.AffinityKey = p.affinity
	}
	if err := p.m.watcher.Pipe(g.number, g.report); err != nil {
		g.close()
		return nil, fmt.Errorf("cannot watch the report pipe: %w", err)
	}
	return g, nil
}

// assignSockets writes which of the workers' outputs are sockets.
func (p *plug) assignSockets(a *board.Assignment) {
	if p.sessionFile.out.socket {
		a.Options |= board.OptSessionSocket
	}
	if p.m.stderrOut.socket {
		a.Options |= board.OptLogSocket
	}
}

// shapeOf returns how many worker slots a board needs, and how many rows for each.
func shapeOf(cfg *config.Plug, settled settled) (workers, capacity int) {
	if cfg.Mode != config.Pool {
		return settled.maxWorkers, 1
	}
	return 2*settled.workers + 2, host.PoolCapacity() // room for workers that replace draining ones
}

// mostNamed is how many targets a log line names.
const mostNamed = 4

func (p *plug) targetNames() string {
	names := p.targetsInOrder()
	if n := len(names) - mostNamed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], " "), n)
	}
	return strings.Join(names, " ")
}

func (p *plug) name() string { return p.cfg.Name }

// targetsInOrder returns the names of the targets that clients may get.
func (p *plug) targetsInOrder() (names []string) {
	b, all := p.generation.board, p.generation.targets()
	for place := range b.Places() {
		names = append(names, all[b.SlotAt(place)])
	}
	return names
}

// plugNamed returns the plug with a name; nil if there is none.
func (m *master) plugNamed(name string) *plug {
	for _, p := range m.plugs {
		if p.name() == name {
			return p
		}
	}
	return nil
}

// plug returns the plug that a worker belongs to.
func (c *child) plug() *plug { return c.generation.plug }
