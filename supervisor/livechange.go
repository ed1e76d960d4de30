// A live change: the running workers of a generation get another assignment, and no
// process is replaced.

package supervisor

import (
	"fmt"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
	"daemon/plug/worker/report"
)

// liveChange is an assignment that is prepared to replace that of a generation.
type liveChange struct {
	g        *generation
	assigned board.Assigned
	fd       int
	slots    []int // of the targets
	added    []int // slots whose target is new, or comes back
}

// prepareLive makes the assignment for a configuration. The workers do not know of it
// before it is committed.
func (p *plug) prepareLive(g *generation, process *config.Process, cfg *config.Plug) (*liveChange, error) {
	was := &g.board.Assigned
	slots, err := slotsFor(was, cfg.Targets, g.reusable())
	if err != nil {
		return nil, err
	}
	l := &liveChange{g: g, slots: slots}
	shape := board.Shape{Generation: g.number, Workers: was.Assignment.Workers, Capacity: was.Assignment.Capacity}
	if l.assigned, l.fd, err = memory.NewAssignment(shape); err != nil {
		return nil, err
	}
	a := l.assigned.Assignment
	a.Epoch, a.AffinityKey, a.TargetCount = was.Assignment.Epoch+1, was.Assignment.AffinityKey, was.Assignment.TargetCount
	for slot := range int(a.TargetCount) {
		t := l.assigned.Target(slot)
		*t = *was.Target(slot)
		t.Gone = 1
	}
	if err = assign(&l.assigned, process, cfg, int(was.Assignment.Listeners), slots); err == nil {
		p.assignSockets(a)
		err = memory.SealAssignment(l.fd)
	}
	if err != nil {
		l.undo()
		return nil, fmt.Errorf("assignment: %w", err)
	}
	for _, slot := range slots {
		if slot >= int(was.Assignment.TargetCount) || was.Target(slot).Gone != 0 {
			l.added = append(l.added, slot)
		}
	}
	return l, nil
}

// undo gives up a change that was not committed.
func (l *liveChange) undo() {
	l.assigned.Close()
	unix.Close(l.fd)
}

// commit makes the assignment the valid one. A worker takes it before its next accept.
func (l *liveChange) commit() error {
	g, epoch := l.g, l.assigned.Assignment.Epoch
	if err := host.Replace(l.fd, g.assignment); err != nil { // workers that are being started were given this number
		l.undo()
		return fmt.Errorf("assignment: %w", err)
	}
	unix.Close(l.fd)
	for _, slot := range l.added {
		g.renewTarget(slot)
	}
	for slot := range int(l.assigned.Assignment.TargetCount) {
		if l.assigned.Target(slot).Gone == 1 && (slot >= len(g.goneAt) || g.goneAt[slot] == 0) {
			g.goneAt = append(g.goneAt, make([]uint32, max(0, slot+1-len(g.goneAt)))...)
			g.goneAt[slot] = epoch
		}
	}
	if err := g.board.Follow(l.assigned); err != nil {
		l.assigned.Close()
		return err
	}
	g.names = nil
	p := g.plug
	p.zones = zonesOf(g, p.m.cfg, p.cfg)
	for _, older := range p.older {
		older.moved, _ = matchTargets(older.board, p.generation.board)
	}
	for _, c := range p.roster {
		if c.generation == g && c.state != gone {
			c.sendAssignment()
		}
	}
	g.board.State.Epoch.Store(epoch)
	return nil
}

// sendAssignment passes the current assignment to a worker. A worker that does not read
// its lifeline, because it is stopped, is told later.
func (c *child) sendAssignment() {
	err := unix.Sendmsg(c.lifeline, []byte{byte(report.Follow)}, unix.UnixRights(c.generation.assignment), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	c.behind = err == unix.EAGAIN
}

// sendLate passes the current assignment to workers that could not take it before.
func (p *plug) sendLate() {
	for _, c := range p.roster {
		if c.behind && c.state != gone {
			c.sendAssignment()
		}
	}
}

// renewTarget clears what a slot says about the target that it had before.
func (g *generation) renewTarget(slot int) {
	if slot < len(g.goneAt) {
		g.goneAt[slot] = 0
	}
	t := g.board.TargetState(slot)
	t.Failed.Store(0)
	t.Failing.Store(0)
	t.Admin.Store(board.Enabled)
	g.board.Forget(slot)
}

// reusable returns a function that reports whether a slot whose target was removed may
// get another one: every worker, stopped ones too, follows an assignment without it,
// and no row names it.
func (g *generation) reusable() func(slot int) bool {
	var named map[int]bool
	oldest := uint32(0)
	return func(slot int) bool {
		if named == nil {
			named, oldest = g.slotsInUse(), g.oldestEpoch()
		}
		return !named[slot] && slot < len(g.goneAt) && g.goneAt[slot] != 0 && g.goneAt[slot] <= oldest
	}
}

// slotsInUse returns the target slots that rows name.
func (g *generation) slotsInUse() map[int]bool {
	named := map[int]bool{}
	for slot, c := range g.slots {
		if c == nil {
			continue
		}
		for row := range g.rows(slot) {
			if w := row.Word(); w.State() != board.RowFree {
				named[int(w.Target())] = true
			}
		}
	}
	return named
}

// oldestEpoch returns the oldest assignment that a worker follows.
func (g *generation) oldestEpoch() uint32 {
	oldest := g.board.Assignment.Epoch
	for slot, c := range g.slots {
		if c != nil {
			oldest = min(oldest, g.board.Column(slot).Epoch.Load())
		}
	}
	return oldest
}
