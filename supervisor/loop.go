// The loop: the one goroutine that owns all of the master's state. It takes
// events, doorbells, deaths, spawn results and signals, and updates the roster.

package supervisor

import (
	"iter"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/shepherd"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/report"
	"daemon/plug/worker/title"
)

// loop is the only goroutine of the master that touches its state.
func (m *master) loop(signals chan os.Signal) {
	alarm := time.NewTimer(time.Hour)
	m.shutdown.deadline = time.Now().Add(startPatience)
	m.populate()
	gone := m.starter.Gone()
	for !m.done() {
		if due := m.pidfile.due(); !due.IsZero() {
			alarm.Reset(max(0, time.Until(due)))
		}
		select {
		case s := <-m.watcher.Seen:
			m.handleEvents(s)
		case b := <-m.spawner.results:
			b.child.plug().spawned(b)
		case r := <-m.pidfile.results:
			m.pidfileWritten(r)
		case s := <-signals:
			m.signal(s)
		case call := <-m.calls:
			call()
		case <-gone:
			gone = nil
			m.log.Warn("the process that started this master has ended; stopping")
			m.signal(syscall.SIGTERM)
		case now := <-m.tickC:
			m.tick(now)
		case <-alarm.C:
		}
		m.populate()
		if m.firstReady(time.Now()) {
			m.opened()
		}
		m.writePidfile(time.Now())
		m.tellReady()
		m.reap()
	}
	close(m.over)
	if m.upgrades.replacedBy != 0 {
		m.leave(signals)
		return
	}
	m.removePidfile()
	m.removeControl()
}

// do runs call in the loop and waits for it. False reports that the loop has ended
// and that call was not run.
func (m *master) do(call func()) bool {
	done := make(chan struct{})
	select {
	case m.calls <- func() { call(); close(done) }:
		<-done
		return true
	case <-m.over:
		return false
	}
}

// firstReady reports whether no first worker is starting any more or waiting for
// another try.
func (m *master) firstReady(now time.Time) bool {
	return m.phase == opening && !slices.ContainsFunc(m.plugs, func(p *plug) bool {
		return p.count[starting] > 0 || now.Before(p.spawning.until)
	})
}

// populate keeps each plug supplied with workers.
func (m *master) populate() {
	m.left = m.unclaimed()
	for _, p := range m.plugs {
		p.populate()
	}
	if m.reloads.current != nil {
		m.reloads.current.advance(time.Now())
	}
}

// opened is called when the first workers are ready.
func (m *master) opened() {
	if m.upgrades.takeover == nil {
		m.serve()
		return
	}
	m.phase = adopting
	go m.upgrades.takeover.take()
}

// leave ends a master that another one has replaced. Signals that arrived
// meanwhile belong to the new master.
func (m *master) leave(signals chan os.Signal) {
	if m.pidfile.file != nil {
		within(removePatience, "pidfile", nothing(m.pidfile.file.Close))
		m.pidfile.file = nil
	}
	// Stop waits for signals that the runtime has received but not delivered; the
	// second channel prevents their default action (os/signal).
	m.late = make(chan os.Signal, cap(signals))
	signal.Notify(m.late, handled...)
	signal.Stop(signals)
	m.passOn(slices.Concat(m.upgrades.pendingSignals, drained(signals), drained(m.late)))
}

// passOn sends signals to the new master. A signal that came while both channels
// were registered is in both of them.
func (m *master) passOn(signals []os.Signal) {
	var kept []os.Signal
	for _, s := range signals {
		kept = shepherd.Keep(kept, s)
	}
	for _, s := range kept {
		unix.Kill(m.upgrades.replacedBy, s.(syscall.Signal))
	}
}

// drained returns what a channel holds.
func drained(signals <-chan os.Signal) (all []os.Signal) {
	for {
		select {
		case s := <-signals:
			all = append(all, s)
		default:
			return all
		}
	}
}

// handleEvents handles a batch from the watcher: doorbells first, then deaths.
func (m *master) handleEvents(s watch.Events) {
	for _, r := range s.Bells {
		m.handleDoorbell(r)
	}
	if s.Garbled > 0 {
		m.log.Warn("report pipe: skipped bytes that are not a doorbell", "bytes", s.Garbled)
		for g := range m.generations() {
			g.board.State.Attention.Store(1)
		}
	}
	for _, id := range s.Dead {
		if c := m.children[id]; c != nil && c.state != gone {
			m.apply(c, hasDied)
		}
	}
	if s.Tick {
		m.tick(time.Now())
	} else if s.Arrival { // a client, or the end of the listener
		for _, p := range m.plugs {
			p.checkListeners(time.Now())
		}
	}
	m.watcher.Spent(s)
	for g := range m.generations() {
		if g.board.State.Attention.Load() != 0 {
			g.plug.reconcileBoard(g)
		}
	}
}

// generations yields all that have workers: the older ones, the current one, and one that
// is being prepared.
func (p *plug) generations() iter.Seq[*generation] {
	return func(yield func(*generation) bool) {
		for _, g := range p.older {
			if !yield(g) {
				return
			}
		}
		if p.generation != nil && !yield(p.generation) {
			return
		}
		if p.next != nil {
			yield(p.next.generation)
		}
	}
}

// generations yields those of all plugs.
func (m *master) generations() iter.Seq[*generation] {
	return func(yield func(*generation) bool) {
		for p := range m.all() {
			for g := range p.generations() {
				if !yield(g) {
					return
				}
			}
		}
	}
}

func (m *master) generationOf(number uint32) *generation {
	for g := range m.generations() {
		if g.number == number {
			return g
		}
	}
	return nil
}

var bellEvents = [...]lifeEvent{report.Ready: isReady, report.Begin: hasBegun, report.End: hasEnded}

// handleDoorbell handles one doorbell. One that does not fit the roster is
// ignored.
func (m *master) handleDoorbell(r report.Record) {
	g := m.generationOf(r.Generation)
	if g == nil || int(r.Slot) >= len(g.slots) {
		m.log.Warn("doorbell ignored: unknown generation or slot", "pid", r.PID, "generation", r.Generation, "slot", r.Slot)
		return
	}
	c := g.slots[r.Slot]
	if c == nil || c.pid != 0 && c.pid != int(r.PID) {
		m.log.Debug("doorbell ignored: not the PID of its slot", "pid", r.PID, "slot", r.Slot)
		return
	}
	switch r.Kind {
	case report.Failed:
	case report.Leaving:
		p := g.plug
		p.supply.nudged = max(0, slices.Index(p.roster, c)) // the next nudge goes to the worker after it
		p.nudge()
	default:
		m.apply(c, bellEvents[r.Kind])
	}
}

// reconcileBoard makes the roster agree with the rows, after doorbells were lost.
func (p *plug) reconcileBoard(g *generation) {
	g.board.State.Attention.Store(0)
	if g.pool() {
		return
	}
	for _, c := range p.roster {
		if c.state == gone || c.generation != g {
			continue
		}
		c.unheard = c.pid == 0 // spawned will check it
		p.reconcile(c)
	}
}

// reconcile makes one worker's state agree with its rows.
func (p *plug) reconcile(c *child) {
	g := c.generation
	switch {
	case c.pid == 0 || g.board.Column(c.slot).PID.Load() != uint32(c.pid):
		// It has not attached to the board yet.
	case g.carries(c.slot):
		p.m.apply(c, hasBegun)
	default:
		p.m.apply(c, hasEnded)
	}
}

// send gives a worker an order. A worker that cannot take it does not need it: it
// is dead, or its lifeline is full of unread orders.
func (c *child) send(order report.Order) {
	if c.lifeline >= 0 {
		unix.SendmsgN(c.lifeline, []byte{byte(order)}, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
}

// tellGate makes the workers check the gate.
func (p *plug) tellGate() {
	for _, c := range p.roster {
		if c.state == spare || c.state == busy || c.state == starting {
			c.send(report.Gate)
		}
	}
}

// showTitle shows the number of sessions in the process title.
func (m *master) showTitle() {
	n := m.sessions()
	if n != m.ticks.shown {
		m.ticks.shown = n
		m.title.Set(title.AppendMaster(nil, m.label(), n))
	}
}

// label names what this process serves: its file, its plug, or how many it has.
func (m *master) label() string {
	if m.cfg.File != "" {
		return m.cfg.File
	}
	if len(m.plugs) == 1 {
		return m.plugs[0].name()
	}
	return howMany(len(m.plugs), "plug")
}

// sessions returns the number of live sessions of all plugs.
func (m *master) sessions() (n int) {
	for p := range m.all() {
		n += p.sessions()
	}
	return n
}

// sessions returns the number of live sessions, from the columns of the board.
func (p *plug) sessions() (n int) {
	for _, c := range p.roster {
		if c.state != gone {
			n += int(c.generation.board.Column(c.slot).Live.Load())
		}
	}
	return n
}
