// Burial: what is done after a worker's death. Its sessions are settled, its
// counts are added to the totals, and its PID leaves the pidfile before it is
// reaped.

package supervisor

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// goPanics is the exit status of a Go program whose runtime has crashed, for
// example because it could not start a thread.
const goPanics = 2

// unreadyReason is Reason for a worker that died before it was ready.
func unreadyReason(w watch.Status) string {
	if w.Known && w.Signal == 0 && w.Exit == goPanics {
		return w.Reason() + ", possibly because it could not start a thread (" + strings.Join(host.TaskLimitNames(), ", ") + ")"
	}
	return w.Reason()
}

// buryUnready buries a worker that never became ready. Its problem probably
// affects the next one too, so the spawner slows down.
func (p *plug) buryUnready(c *child) {
	p.totals.SpawnFailures++
	p.bury(c)
	if p.m.preparing(c.generation) {
		p.m.reloads.current.fail(fmt.Errorf("plug %s: worker %d died before it was ready: %s", p.name(), c.pid, unreadyReason(c.status)))
		return
	}
	switch {
	case p.m.phase == opening && (c.status.Signal == unix.SIGKILL || c.status.Signal == unix.SIGTERM):
		p.spawning.pause(time.Now()) // it was killed: that says nothing about the next one
	case p.m.phase == opening:
		p.m.failStart(fmt.Errorf("worker %d died before it was ready: %s", c.pid, unreadyReason(c.status)))
	case p.m.phase == running:
		pause := p.spawning.pause(time.Now())
		p.spawning.why = "the last one died before it was ready: " + unreadyReason(c.status)
		if !p.spawning.said {
			p.spawning.said = true
			p.log.Error("worker died before it was ready", "pid", c.pid, "reason", unreadyReason(c.status), "pause_ms", inMs(pause))
		}
	}
}

// forgetIdle is how long after the last worker that ended without a session such
// an end counts as a new problem.
const forgetIdle = 10 * mostTrouble

// burySpare buries a worker that was not told to drain. If it has ended without
// having had a session, and was not killed, its problem probably affects the next
// one too, so the spawner slows down.
func (p *plug) burySpare(c *child) {
	p.bury(c)
	served := c.generation.sessionsOf(c.slot) != c.sessionsBefore
	b, now := &p.spawning.idle, time.Now()
	if served || now.Sub(b.until) > forgetIdle {
		b.release()
	}
	killed := c.status.Signal == unix.SIGKILL || c.status.Signal == unix.SIGTERM
	if served || killed || !c.status.Known || p.m.phase != running {
		return
	}
	pause := b.pause(now)
	if !b.said {
		b.said = true
		p.log.Error("worker ended without a session", "pid", c.pid, "reason", c.status.Reason(), "pause_ms", inMs(pause))
	}
}

// bury settles what a dead worker has left: the lines of its sessions, its counts,
// its place in the pidfile. It is reaped only when the pidfile has been written
// without it, so that no PID in the file can belong to another process.
func (p *plug) bury(c *child) {
	c.status = p.m.watcher.Status(c.pidfd)
	p.log.Debug("worker ended", "pid", c.pid, c.status.Key(), c.status.Value())
	p.totals.Died(c.status.Known, int(c.status.Signal))
	p.settleRows(c)
	if c.status.Signal == unix.SIGKILL {
		if why := p.m.memory.RanOut(); why != "" {
			p.log.Error("worker killed", "reason", why)
		}
	}
	unix.Close(c.lifeline)
	c.lifeline = -1
	if c.listed {
		c.listed = false
		p.m.pidfile.dirty = true
	}
	p.m.dead = append(p.m.dead, c)
	c.leftAt = p.m.pidfile.next() // which may be the version being written
	p.nudge()
}

// settleRows settles the sessions that a dead worker has left on the board. A
// worker counts a session just before it frees the row, or marks it as counted: if
// it has counted one more than that, it died between the two.
func (p *plug) settleRows(c *child) {
	column := c.generation.board.Column(c.slot)
	counted, freed := p.totals.SeeColumn(column), c.generation.sessionsOf(c.slot)+c.generation.owing(c.slot)
	column.Clear()
	ahead := counted > freed-c.sessionsBefore
	blamed := p.absorbEnds(c, counted)
	p.totals.Absorb(c.generation.board.Tally(c.slot))
	var s board.Snapshot
	for row := range c.generation.rows(c.slot) { // in any order: at most one row is ahead
		if !row.Snapshot(&s) {
			continue
		}
		outcome := board.Outcome(min(s.Outcome, board.Outcomes-1))
		if s.Word.State() == board.RowLive {
			outcome, s.Closed = board.Killed, p.m.mono()
			p.m.killedNow(time.Now())
			if p.m.shutdown.ending || c.condemned {
				outcome = board.AdminEnded
			}
			s.Cause = p.causeOf(c, s.Cause.Stage())
		}
		owes := s.Word.State() == board.RowEnding && row.Counted.Load() != 0
		p.writeLine(c, &s)
		if !owes {
			p.tellEnd(c, &s, outcome)
		}
		switch {
		case owes:
		case s.Word.State() == board.RowEnding && ahead:
			ahead = false
		default:
			p.totals.Ended[outcome]++
			p.totals.BytesIn += s.In
			p.totals.BytesOut += s.Out
			p.totals.NoteSession(&s)
			c.generation.board.TargetTally(int(s.Word.Target())).NoteBytes(s.In, s.Out)
			if s.Word.State() == board.RowEnding && blamed {
				blamed = false
			} else {
				p.totals.Ends[outcome][s.Cause.Culprit()%board.Culprits]++
			}
		}
		row.Free()
	}
}

// writeLine writes the line of a session whose worker cannot write it.
func (p *plug) writeLine(c *child, s *board.Snapshot) {
	wall := time.Now().Add(-time.Duration(max(0, p.m.mono()-s.Closed)))
	_, offset := wall.Zone()
	line := record.Line{Unix: wall.Unix(), Offset: int32(offset), PID: c.pid, Listen: c.generation.label(),
		Peer: s.Client, Target: targetOf(c, s), In: s.In, Out: s.Out, Usec: uint64(max(0, s.Closed-s.BeginAt) / 1000)}
	p.sessionFile.write(line.Append(nil))
}

// targetOf returns a session's target as records show it; empty before one was
// chosen.
func targetOf(c *child, s *board.Snapshot) string {
	t := int(s.Word.Target())
	if t >= int(c.generation.board.Assignment.TargetCount) {
		return ""
	}
	if via := &c.generation.board.Assignment.Via; via.Kind != 0 {
		return via.String()
	}
	at := &c.generation.board.Target(t).Addr
	if at.Zone != 0 {
		return c.generation.targets()[t] // even if the interface has changed or gone
	}
	return at.String()
}

// tellEnd writes the other records of such a session, as the options of its
// worker's generation require.
func (p *plug) tellEnd(c *child, s *board.Snapshot, outcome board.Outcome) {
	p.logEnd(c, s, outcome, targetOf(c, s))
	if c.generation.options(board.OptLog) {
		p.m.syslog.Text(record.Notice, c.pid, record.AppendComplete(nil, c.generation.tag(), outcome.Status()))
	}
	if outcome == board.Killed { // sessions ended by an admin get one notice, and one line each at debug
		p.logError(c, "session from "+s.Client.Host(), c.status.Reason())
	}
}

// logError logs an error for a worker that cannot log it.
func (p *plug) logError(c *child, what, why string) {
	if c.generation.options(board.OptForeground) {
		p.log.Error(what, "reason", why, "worker", c.pid)
		return
	}
	p.m.syslog.Text(record.Err, c.pid, record.AppendError(nil, c.generation.tag(), what, why))
}

// reap gives the PIDs of buried workers back to the kernel, once the pidfile no
// longer names them. While the pidfile cannot be written they wait, but never so
// many that there is no room for new workers.
func (m *master) reap() {
	kept := m.dead[:0]
	for _, c := range m.dead {
		p := c.plug()
		if c.leftAt > m.pidfile.written && p.count[gone] <= p.settled.maxWorkers/4 {
			kept = append(kept, c)
			continue
		}
		m.watcher.Reap(c.pidfd)
		p.countOf(c.generation)[gone]--
		p.release(c)
	}
	clear(m.dead[len(kept):])
	m.dead = kept
}
