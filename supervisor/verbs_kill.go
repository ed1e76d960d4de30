// The verb that ends sessions: their workers are told to end them, and killed if
// they do not obey in time.

package supervisor

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

const (
	obeyWithin = time.Second            // a worker ends a session that it is told to end
	freeWithin = 2 * time.Second        // in total, until the rows are free
	stopWithin = 200 * time.Millisecond // a worker that was sent STOP has stopped
	pollRows   = 5 * time.Millisecond

	ordersAtOnce = 100
)

// victim is a session to be ended.
type victim struct {
	*liveSession
	session control.Session
	told    bool // its worker has received the order
	ended   bool
	wrong   string // why it cannot be ended
	frozen  bool   // its worker was already stopped before the master sent STOP
}

// kill ends the sessions that match the filter: their workers end them. In the
// modes with one session per worker, a worker that does not obey is killed, if it
// still has that session.
func (r *request) kill() (reply control.Reply, err error) {
	if err := r.Filter.Kills(); err != nil {
		return reply, err
	}
	taken, described, err := r.sessions()
	if err != nil {
		return reply, err
	}
	if r.DryRun {
		reply, err = inBatches(r, described, func(part []control.Session) control.Reply { return control.Reply{Sessions: part} })
		reply.Said, reply.Changed = howMany(len(described), "session")+" would be ended", new(bool)
		return reply, err
	}
	victims := make([]*victim, len(taken))
	for i := range taken {
		victims[i] = &victim{liveSession: &taken[i], session: described[i]}
	}
	begun := time.Now()
	if err := r.loop(func() { r.m.orderEnds(victims) }); err != nil {
		return reply, err
	}
	r.watch(victims, begun, obeyWithin)
	r.force(victims)
	r.watch(victims, begun, freeWithin)
	return r.ended(victims)
}

// orderEnds sends the orders to the workers, as many as a lifeline takes at once;
// the rest is sent the next time.
func (m *master) orderEnds(victims []*victim) {
	var orders []byte
	for len(victims) > 0 {
		first, n := victims[0], 0
		for n < len(victims) && n < ordersAtOnce && victims[n].child == first.child {
			n++
		}
		part := victims[:n]
		victims = victims[n:]
		part = slices.DeleteFunc(slices.Clone(part), func(v *victim) bool { return v.told || v.ended })
		c := m.children[first.child]
		if len(part) == 0 || c == nil || c.lifeline < 0 {
			continue
		}
		orders = orders[:0]
		for _, v := range part {
			orders = report.AppendKill(orders, uint32(v.row), v.snapshot.Word.Epoch())
		}
		sent, err := unix.SendmsgN(c.lifeline, orders, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != nil {
			sent = 0
		}
		for _, v := range part[:sent/report.KillSize] { // one that was cut off is sent again as a whole
			v.told = true
		}
	}
}

// watch waits until the rows are free, or the rest cannot be ended. It gives up
// when the time is over and no more rows have become free for a while.
func (r *request) watch(victims []*victim, begun time.Time, patience time.Duration) {
	least, until := len(victims)+1, begun.Add(patience)
	for told := time.Now(); ; time.Sleep(pollRows) {
		left := 0
		over := !r.m.do(func() {
			left = r.m.markEnded(victims)
			r.m.orderEnds(victims)
		})
		now := time.Now()
		if left < least && least <= len(victims) && until.Before(now.Add(obeyWithin)) {
			until = now.Add(obeyWithin)
		}
		least = min(least, left)
		if over || left == 0 || now.After(until) {
			return
		}
		if now.Sub(told) >= progressEvery {
			told = now
			r.more(control.Reply{Progress: &control.Progress{Phase: "ending", Sessions: left}})
		}
	}
}

// markEnded checks which sessions have ended, and returns how many may still end.
func (m *master) markEnded(victims []*victim) (left int) {
	for _, v := range victims {
		c := m.children[v.child]
		v.ended = v.ended || c == nil || c.state == gone || !v.holds(c)
		if !v.ended && v.wrong == "" {
			left++
		}
	}
	return left
}

// holds reports whether a worker still has the session.
func (v *victim) holds(c *child) bool {
	w := c.generation.board.Row(c.slot, v.row).Word()
	return w.State() == board.RowLive && w.Epoch() == v.snapshot.Word.Epoch()
}

// force kills workers that have not obeyed. Each is stopped first, so that it
// cannot begin another session between the check of its row and its end.
func (r *request) force(victims []*victim) {
	held := 0
	r.m.do(func() {
		r.m.markEnded(victims)
		for _, v := range victims {
			if c := r.m.children[v.child]; v.ended || c == nil {
				continue
			} else if c.generation.pool() {
				v.wrong = "in pool mode a worker cannot be killed for one session"
			} else {
				v.frozen = host.IsStopped(c.pid)
				host.Signal(c.pid, c.pidfd, unix.SIGSTOP)
				held++
			}
		}
	})
	if held == 0 {
		return
	}
	for end := time.Now().Add(stopWithin); time.Now().Before(end); time.Sleep(pollRows) {
		moving := false
		for _, v := range victims {
			moving = moving || !v.ended && v.wrong == "" && !host.IsStopped(v.pid)
		}
		if !moving {
			break
		}
	}
	r.m.do(func() {
		for _, v := range victims {
			c := r.m.children[v.child]
			switch {
			case v.ended || v.wrong != "" || c == nil || c.state == gone:
			case v.holds(c):
				c.condemned = true
				host.Signal(c.pid, c.pidfd, unix.SIGKILL)
			case !v.frozen:
				host.Signal(c.pid, c.pidfd, unix.SIGCONT)
			}
		}
	})
}

// ended reports which sessions were ended, and how many were not.
func (r *request) ended(victims []*victim) (reply control.Reply, err error) {
	var gone []control.Session
	left, why := 0, "their workers do not respond"
	for _, v := range victims {
		if v.ended {
			gone = append(gone, v.session)
			continue
		}
		left++
		if v.wrong != "" {
			why = fmt.Sprintf("worker %d did not respond, and %s", v.pid, v.wrong)
		}
	}
	reply, err = inBatches(r, gone, func(part []control.Session) control.Reply { return control.Reply{Sessions: part} })
	changed := len(gone) > 0
	reply.Said, reply.Changed = howMany(len(gone), "session")+" ended", &changed
	if changed {
		r.m.do(func() { r.m.notice("kill", reply.Said+" by admin") })
	}
	if err == nil && left > 0 {
		err = fmt.Errorf("%d of %s could not be ended: %s", left, howMany(len(victims), "session"), why)
	}
	return reply, err
}
