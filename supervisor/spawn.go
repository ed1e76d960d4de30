// Starting workers: a goroutine forks, the loop decides and keeps the roster.
// Failures slow it down.

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
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker"
)

// spawner starts workers. A fork returns only when the child has executed its
// program, so it happens in a goroutine of its own. The loop decides what to
// start, and reserves the slot before that.
type spawner struct {
	requests  chan spawnRequest
	results   chan spawnResult
	suspended atomic.Bool // requests are returned unserved
	backoff               // while workers cannot be started, or die before READY
	idle      backoff     // while they exit without a session, without having been told to drain
	why       string      // the reason for the last pause
}

// spawnRequest is a worker to be started, with the descriptors that it inherits;
// the master keeps all of them except the lifeline.
type spawnRequest struct {
	child    *child
	files    []uintptr
	lifeline [2]int // the master's end, the worker's
}

// spawnResult is the spawner's answer.
type spawnResult struct {
	child *child
	pid   int
	pidfd int
	err   error
}

func (n *spawner) start(spawn func(slot int, pool bool, files []uintptr) (pid, pidfd int, err error)) {
	n.requests = make(chan spawnRequest, 1<<13)
	n.results = make(chan spawnResult, 64)
	go func() {
		host.RelaxTimers()
		for o := range n.requests {
			if n.suspended.Load() {
				unix.Close(o.lifeline[1])
				n.results <- spawnResult{child: o.child, err: errSuspended}
				continue
			}
			pid, pidfd, err := spawn(o.child.slot, o.child.generation.pool(), o.files)
			unix.Close(o.lifeline[1])
			n.results <- spawnResult{o.child, pid, pidfd, err}
		}
	}()
}

// errSuspended is the result of a request that was returned because of a handover.
var errSuspended = errors.New("no new workers during a handover")

// rests reports whether no worker may be started yet.
func (n *spawner) rests(now time.Time) bool {
	return now.Before(n.until) || now.Before(n.idle.until)
}

// startWorker reserves a slot for a worker and requests its start.
func (m *master) startWorker() bool {
	g := m.plug.generation
	if len(g.free) == 0 {
		return false
	}
	var pair [2]int
	if err := host.Socketpair(&pair); err != nil {
		m.troubled("lifeline", err)
		return false
	}
	m.lastID++
	c := &child{id: m.lastID, slot: g.free[len(g.free)-1], generation: g, pidfd: -1, lifeline: pair[0]}
	g.free = g.free[:len(g.free)-1]
	c.sessionsBefore = g.sessionsOf(c.slot)
	c.worked = c.sessionsBefore
	g.slots[c.slot] = c
	m.roster = append(m.roster, c)
	m.plug.count[starting]++
	m.children[c.id] = c
	m.spawner.requests <- spawnRequest{child: c, files: m.files(g, pair[1]), lifeline: pair}
	return true
}

// files returns a worker's descriptors, in the order of worker.FDLifeline and the
// constants after it. The numbers are the master's own and do not change.
func (m *master) files(g *generation, lifeline int) []uintptr {
	const closed = ^uintptr(0)
	session := closed
	if m.plug.sessionFile.fd >= 0 {
		session = uintptr(m.plug.sessionFile.fd)
	}
	null := uintptr(m.null)
	stdio := [3]uintptr{null, null, null}
	if m.plug.cfg.Foreground {
		stdio = [3]uintptr{null, 1, uintptr(m.stderrOut.fd)}
	}
	files := []uintptr{stdio[0], stdio[1], stdio[2], uintptr(lifeline), uintptr(g.bell), uintptr(g.assignment), uintptr(g.state),
		session, uintptr(m.syslog.FD)}
	for _, l := range m.plug.listeners {
		files = append(files, uintptr(l))
	}
	return files
}

// spawned handles the spawner's result.
func (m *master) spawned(b spawnResult) {
	c := b.child
	if b.err == errSuspended {
		m.abandonSpawn(c)
		return
	}
	if b.err != nil {
		m.plug.totals.SpawnFailures++
		m.troubled("fork", b.err)
		m.abandonSpawn(c)
		return
	}
	c.pid, c.pidfd, c.born = b.pid, b.pidfd, time.Now().UnixNano()
	m.plug.totals.Spawns++
	m.log.Debug("worker started", "pid", c.pid, "slot", c.slot)
	m.watch(c)
	if c.unheard {
		m.reconcile(c)
	}
	if c.state == busy || c.generation.pool() {
		m.pidfile.dirty = true // it was listed before it had a PID
	}
	if m.phase == stopping {
		m.apply(c, toldDrain)
	}
}

// troubled logs, once for each series of failures, that workers cannot be started.
func (m *master) troubled(what string, err error) {
	if m.phase == opening {
		m.failStart(fmt.Errorf("%s: %s", what, host.WithLimits(err)))
		return
	}
	pause := m.spawner.pause(time.Now())
	m.spawner.why = what + ": " + host.WithLimits(err)
	if !m.spawner.said {
		m.spawner.said = true
		m.log.Error(what, "error", host.WithLimits(err), "workers", len(m.roster), "pause_ms", inMs(pause))
	}
}

// abandonSpawn removes a child that was not started.
func (m *master) abandonSpawn(c *child) {
	m.plug.count[c.state]--
	unix.Close(c.lifeline)
	m.release(c)
}

// release removes a worker from the roster and frees its slot.
func (m *master) release(c *child) {
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
	if g != m.plug.generation && len(g.free) == len(g.slots) {
		m.retire(g)
	}
}

// retire closes an older generation whose last worker has been buried.
func (m *master) retire(g *generation) {
	g.handCounts(m.plug.generation)
	m.plug.older = slices.DeleteFunc(m.plug.older, func(other *generation) bool { return other == g })
	m.watcher.Forget(g.number, g.report)
	g.close()
	m.log.Debug("generation retired", "generation", g.number)
}

// spawn starts a worker (spawner's goroutine).
func (m *master) spawn(slot int, pool bool, files []uintptr) (pid, pidfd int, err error) {
	attr := &syscall.ProcAttr{Env: worker.Env(pool), Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Credential: m.credential()}}
	watch.WantPidfd(attr.Sys)
	pid, err = syscall.ForkExec(host.Image(), worker.Args(slot), attr)
	return pid, watch.GotPidfd(attr.Sys, pid), err
}
