package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/worker"
)

// nursery gives birth. A fork takes the whole time until the child has executed
// its program, so it happens in a goroutine of its own; what is to be born is
// decided by the loop, which has set its slot aside already.
type nursery struct {
	orders chan order
	births chan birth
	held   atomic.Bool // orders are sent back
	brake              // while workers can't be started, or die before READY
	idle   brake       // while they end without a session, though they were not told to
	why    string      // what the brake was last pulled for
}

// order is a worker to be started, with the descriptors that it inherits; all
// but the lifeline stay the master's.
type order struct {
	child    *child
	files    []uintptr
	lifeline [2]int // the master's end, the worker's
}

// birth is the nursery's answer.
type birth struct {
	child *child
	pid   int
	pidfd int
	err   error
}

func (n *nursery) start(spawn func(slot int, pool bool, files []uintptr) (pid, pidfd int, err error)) {
	n.orders = make(chan order, 1<<13)
	n.births = make(chan birth, 64)
	go func() {
		relaxTimers()
		for o := range n.orders {
			if n.held.Load() {
				unix.Close(o.lifeline[1])
				n.births <- birth{child: o.child, err: errHeld}
				continue
			}
			pid, pidfd, err := spawn(o.child.slot, o.child.generation.pool(), o.files)
			unix.Close(o.lifeline[1])
			n.births <- birth{o.child, pid, pidfd, err}
		}
	}()
}

// errHeld is an order that came back because of a handover.
var errHeld = errors.New("no new workers during a handover")

// rests reports whether no worker may be started yet.
func (n *nursery) rests(now time.Time) bool {
	return now.Before(n.until) || now.Before(n.idle.until)
}

// conceive sets a slot aside for a worker and orders its birth.
func (m *master) conceive() bool {
	g := m.generation
	if len(g.free) == 0 {
		return false
	}
	var pair [2]int
	if err := socketpair(&pair); err != nil {
		m.troubled("lifeline", err)
		return false
	}
	m.lastID++
	c := &child{id: m.lastID, slot: g.free[len(g.free)-1], generation: g, pidfd: -1, lifeline: pair[0]}
	g.free = g.free[:len(g.free)-1]
	c.turns = g.turns(c.slot)
	c.worked = c.turns
	g.slots[c.slot] = c
	m.roster = append(m.roster, c)
	m.count[starting]++
	m.children[c.id] = c
	m.nursery.orders <- order{child: c, files: m.files(g, pair[1]), lifeline: pair}
	return true
}

// files are a worker's descriptors, in the order of worker.FDLifeline and its
// fellows. The numbers are the master's own and stay so.
func (m *master) files(g *generation, lifeline int) []uintptr {
	const closed = ^uintptr(0)
	session := closed
	if m.sessionFile.fd >= 0 {
		session = uintptr(m.sessionFile.fd)
	}
	null := uintptr(m.null)
	stdio := [3]uintptr{null, null, null}
	if m.cfg.Foreground {
		stdio = [3]uintptr{null, 1, uintptr(m.stderrOut.fd)}
	}
	files := []uintptr{stdio[0], stdio[1], stdio[2], uintptr(lifeline), uintptr(g.bell), uintptr(g.assignment), uintptr(g.state),
		session, uintptr(m.syslog.fd)}
	for _, l := range m.listeners {
		files = append(files, uintptr(l))
	}
	return files
}

// born takes the nursery's answer.
func (m *master) born(b birth) {
	c := b.child
	if b.err == errHeld {
		m.forget(c)
		return
	}
	if b.err != nil {
		m.totals.SpawnFailures++
		m.troubled("fork", b.err)
		m.forget(c)
		return
	}
	c.pid, c.pidfd, c.born = b.pid, b.pidfd, time.Now().UnixNano()
	m.totals.Spawns++
	m.log.Debug("worker started", "pid", c.pid, "slot", c.slot)
	m.watch(c)
	if c.unheard {
		m.look(c)
	}
	if c.state == busy || c.generation.pool() {
		m.pidfile.dirty = true // it was listed before it had a PID
	}
	if m.phase == stopping {
		m.happen(c, toldDrain)
	}
}

// troubled says, once for each series, that workers can't be started.
func (m *master) troubled(what string, err error) {
	if m.phase == opening {
		m.failStart(fmt.Errorf("%s: %s", what, shortage(err)))
		return
	}
	pause := m.nursery.pause(time.Now())
	m.nursery.why = what + ": " + shortage(err)
	if !m.nursery.said {
		m.nursery.said = true
		m.log.Error(what, "error", shortage(err), "workers", len(m.roster), "pause_ms", inMs(pause))
	}
}

// forget removes a child that was never born.
func (m *master) forget(c *child) {
	m.count[c.state]--
	unix.Close(c.lifeline)
	m.strike(c)
}

// strike takes a worker off the roster and gives its slot back.
func (m *master) strike(c *child) {
	g := c.generation
	g.slots[c.slot] = nil
	g.free = append(g.free, c.slot)
	delete(m.children, c.id)
	for i, other := range m.roster {
		if other == c {
			m.roster = append(m.roster[:i], m.roster[i+1:]...)
			break
		}
	}
	if g != m.generation && len(g.free) == len(g.slots) {
		m.retire(g)
	}
}

// retire gives up an older generation: its last worker has been buried.
func (m *master) retire(g *generation) {
	g.handCounts(m.generation)
	m.older = slices.DeleteFunc(m.older, func(other *generation) bool { return other == g })
	m.watcher.forget(g)
	g.close()
	m.log.Debug("generation retired", "generation", g.number)
}

// spawn starts a worker (nursery's goroutine).
func (m *master) spawn(slot int, pool bool, files []uintptr) (pid, pidfd int, err error) {
	attr := &syscall.ProcAttr{Env: worker.Env(pool), Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Credential: m.credential()}}
	wantPidfd(attr.Sys)
	pid, err = syscall.ForkExec(host.Image(), worker.Args(slot), attr)
	return pid, gotPidfd(attr.Sys, pid), err
}
