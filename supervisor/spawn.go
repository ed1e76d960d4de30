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

	"daemon/plug/supervisor/config"
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
}

// spawning slows down a plug whose workers fail. Other plugs are not affected.
type spawning struct {
	backoff         // while workers cannot be started, or die before READY
	idle    backoff // while they exit without a session, without having been told to drain
	why     string  // the reason for the last pause
}

// spawnRequest is a worker to be started, with the descriptors that it inherits;
// the master keeps all of them except the lifeline.
type spawnRequest struct {
	child    *child
	files    []uintptr
	numbers  []uint32 // of the listeners
	user     *syscall.Credential
	lifeline [2]int // the master's end, the worker's
}

// spawnResult is the spawner's answer.
type spawnResult struct {
	child *child
	pid   int
	pidfd int
	err   error
}

// mostRequests is how many workers may be about to be started at a time.
const mostRequests = 1 << 13

func newSpawner() spawner {
	return spawner{requests: make(chan spawnRequest, mostRequests), results: make(chan spawnResult, 64)}
}

// run starts the goroutine that forks.
func (n *spawner) run(spawn func(*spawnRequest) (pid, pidfd int, err error)) {
	go func() {
		host.RelaxTimers()
		for o := range n.requests {
			if n.suspended.Load() {
				unix.Close(o.lifeline[1])
				n.results <- spawnResult{child: o.child, err: errSuspended}
				continue
			}
			pid, pidfd, err := spawn(&o)
			unix.Close(o.lifeline[1])
			n.results <- spawnResult{o.child, pid, pidfd, err}
		}
	}()
}

// errSuspended is the result of a request that was returned because of a handover.
var errSuspended = errors.New("no new workers during a handover")

// rests reports whether no worker may be started yet.
func (s *spawning) rests(now time.Time) bool {
	return now.Before(s.until) || now.Before(s.idle.until)
}

// startWorker reserves a slot for a worker and requests its start. If that is not
// possible now, it is tried again later.
func (p *plug) startWorker() bool {
	return p.startWorkerOf(p.generation, p.cfg, p.listeners)
}

// startWorkerOf does that for a generation with its configuration and listeners.
func (p *plug) startWorkerOf(g *generation, cfg *config.Plug, listeners []listener) bool {
	if len(g.free) == 0 || len(p.m.spawner.requests) == mostRequests {
		return false
	}
	var pair [2]int
	if err := host.Socketpair(&pair); err != nil {
		p.troubled("lifeline", err)
		return false
	}
	p.m.last.child++
	c := &child{id: p.m.last.child, slot: g.free[len(g.free)-1], generation: g, pidfd: -1, lifeline: pair[0]}
	g.free = g.free[:len(g.free)-1]
	c.sessionsBefore = g.sessionsOf(c.slot)
	c.worked = c.sessionsBefore
	g.slots[c.slot] = c
	p.roster, p.m.roster = append(p.roster, c), append(p.m.roster, c)
	if len(p.roster) > cfg.MinWorkers() {
		p.m.left--
	}
	p.countOf(g)[starting]++
	p.m.children[c.id] = c
	p.m.spawner.requests <- spawnRequest{child: c, files: p.files(g, listeners, pair[1]), numbers: numbersOf(listeners), user: credentialOf(cfg), lifeline: pair}
	return true
}

// files returns a worker's descriptors, in the order of worker.FDLifeline and the
// constants after it. The numbers are the master's own and do not change.
func (p *plug) files(g *generation, listeners []listener, lifeline int) []uintptr {
	const closed = ^uintptr(0)
	session := closed
	if p.sessionFile.fd >= 0 {
		session = uintptr(p.sessionFile.fd)
	}
	null := uintptr(p.m.null)
	stdio := [3]uintptr{null, null, null}
	if p.m.cfg.Foreground {
		stdio = [3]uintptr{null, 1, uintptr(p.m.stderrOut.fd)}
	}
	files := []uintptr{stdio[0], stdio[1], stdio[2], uintptr(lifeline), uintptr(g.bell), uintptr(g.assignment), uintptr(g.state),
		session, uintptr(p.m.syslog.FD)}
	for _, l := range listeners {
		files = append(files, uintptr(l.fd))
	}
	return files
}

// numbersOf returns the numbers of listeners, as orders name them.
func numbersOf(listeners []listener) (all []uint32) {
	for _, l := range listeners {
		all = append(all, l.number)
	}
	return all
}

// spawned handles the spawner's result.
func (p *plug) spawned(b spawnResult) {
	c := b.child
	if b.err == errSuspended {
		p.abandonSpawn(c)
		return
	}
	if b.err != nil && p.m.preparing(c.generation) {
		p.abandonSpawn(c)
		p.m.reloads.current.fail(fmt.Errorf("plug %s: fork: %s", p.name(), host.WithLimits(b.err)))
		return
	}
	if b.err != nil {
		p.totals.SpawnFailures++
		p.troubled("fork", b.err)
		p.abandonSpawn(c)
		return
	}
	c.pid, c.pidfd, c.born = b.pid, b.pidfd, time.Now().UnixNano()
	p.totals.Spawns++
	p.log.Debug("worker started", "pid", c.pid, "slot", c.slot)
	p.m.watch(c)
	if c.unheard {
		p.reconcile(c)
	}
	if c.state == busy || c.generation.pool() {
		p.m.pidfile.dirty = true // it was listed before it had a PID
	}
	if p.m.phase == stopping {
		p.m.apply(c, toldDrain)
	}
}

// troubled logs, once for each series of failures, that workers cannot be started.
func (p *plug) troubled(what string, err error) {
	if p.m.phase == opening {
		p.m.failStart(fmt.Errorf("%s: %s", what, host.WithLimits(err)))
		return
	}
	pause := p.spawning.pause(time.Now())
	p.spawning.why = what + ": " + host.WithLimits(err)
	if !p.spawning.said {
		p.spawning.said = true
		p.log.Error(what, "error", host.WithLimits(err), "workers", len(p.roster), "pause_ms", inMs(pause))
	}
}

// abandonSpawn removes a child that was not started.
func (p *plug) abandonSpawn(c *child) {
	p.countOf(c.generation)[c.state]--
	unix.Close(c.lifeline)
	p.release(c)
}

// release removes a worker from the roster and frees its slot.
func (p *plug) release(c *child) {
	g := c.generation
	g.slots[c.slot] = nil
	g.free = append(g.free, c.slot)
	delete(p.m.children, c.id)
	p.roster, p.m.roster = without(p.roster, c), without(p.m.roster, c)
	if len(g.free) == len(g.slots) && slices.Contains(p.older, g) {
		p.retire(g)
	}
	if p.removed && len(p.roster) == 0 {
		p.m.forget(p)
	}
}

// without removes a worker from a roster.
func without(roster []*child, c *child) []*child {
	if i := slices.Index(roster, c); i >= 0 {
		return slices.Delete(roster, i, i+1)
	}
	return roster
}

// retire closes an older generation whose last worker has been buried.
func (p *plug) retire(g *generation) {
	g.handCounts(p.generation)
	p.older = slices.DeleteFunc(p.older, func(other *generation) bool { return other == g })
	p.m.watcher.Forget(g.number, g.report)
	g.close()
	p.log.Debug("generation retired", "generation", g.number)
}

// spawn starts a worker (spawner's goroutine).
func spawn(o *spawnRequest) (pid, pidfd int, err error) {
	attr := &syscall.ProcAttr{Env: worker.Env(o.child.generation.pool()), Files: o.files,
		Sys: &syscall.SysProcAttr{Setpgid: true, Credential: o.user}}
	watch.WantPidfd(attr.Sys)
	pid, err = syscall.ForkExec(host.Image(), worker.Args(o.child.slot, o.numbers), attr)
	return pid, watch.GotPidfd(attr.Sys, pid), err
}
