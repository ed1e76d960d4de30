//go:build linux && !portable

// The event loop of a worker on Linux: what it holds, and how it waits for events and
// serves them. What it does with them is in accept.go, connect.go, relay.go and so on.

package worker

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/report"
)

// engine is the event loop of a worker on Linux: one thread, one epoll set, no allocation
// per session after warm-up.
type engine struct {
	*worker
	poll   kernel.Poller
	alarm  kernel.Alarm
	class  kernel.SchedClass
	buffer []byte // for relaying, shared by all sessions
	gathering
	accept acceptor
	relay  relay

	places
	runAgainSoon []*session // they have more to do than one iteration allows
	fdWaiters    []parked   // sessions that wait for a socket
	timers       timerLists
	backlogs     map[*session]*backlog // of sessions with idle or half-closed timers
	visits       visits                // of sessions that are being delivered
	trials       []*board.Tried        // spare ones

	agenda  agenda
	coolDue int64 // when the worker goes to sleep unless something happens before
	term    atomic.Bool
	notify  Notify                     // nil while it is not available
	actions [len(deadly)]kernel.Action // the runtime's own
}

const (
	titleLag    = 50 * time.Millisecond  // a session this old is long: its worker leaves the listen queue
	warm        = 100 * time.Millisecond // for this long after an event, a worker waits raw
	relayRoom   = 64 << 10               // bytes that the relay reads at a time, at most
	relayBudget = 16                     // rounds of relaying before other sessions are served
)

// newEngine makes the engine of a worker, and tells the master that the worker is ready.
func newEngine(w *worker) (*engine, error) {
	kernel.TimerSlack(50_000) // the default: only the runtime's other threads may be late
	e := &engine{worker: w, places: makePlaces(int(w.board.Tables.RowsEach))}
	e.makeRoom()
	if w.pool {
		e.class.Find()
	}
	e.actions = takeSignals()
	if errno := e.poll.Open(); errno != 0 {
		return nil, fmt.Errorf("epoll: %w", errno)
	}
	if errno := e.poll.Add(FDLifeline, syscall.EPOLLIN, kernel.MakeTag(onLifeline, 0, 0)); errno != 0 {
		return nil, fmt.Errorf("epoll: lifeline: %w", errno)
	}
	syscall.SetNonblock(FDLifeline, true)
	if errno := e.accept.open(w.listeners, &e.poll, !w.pool); errno != 0 {
		return nil, fmt.Errorf("epoll: listener: %w", errno)
	}
	sets := []*kernel.Poller{&e.poll}
	if e.accept.apart {
		sets = append(sets, e.accept.listenSet)
	}
	if err := e.alarm.Open(kernel.MakeTag(onAlarm, 0, 0), sets...); err != nil {
		return nil, err
	}
	e.checkGate()
	e.sendDoorbell(report.Ready, 0)
	w.raiseOOMScore()
	return e, nil
}

// carryOn serves until the worker's life is over. Without notify it may return before
// that, when the master has gone and TERM must be caught.
func (e *engine) carryOn(notify Notify) (over bool) {
	if notify != nil && e.orphan {
		e.catchTerm(notify)
	}
	e.notify = notify
	for !e.done() {
		if e.orphan && e.notify == nil {
			return false
		}
		e.iterate()
	}
	return true
}

// iterate waits for events and serves them.
func (e *engine) iterate() {
	set := &e.poll
	if e.live == 0 {
		set = e.accept.listenSet
	}
	events := set.Events[:set.Wait(e.setAlarm())]
	e.clock.read()
	if quiet(events) && e.clock.mono >= e.coolDue && len(e.runAgainSoon) == 0 {
		e.alarm.Rang()
		e.settleDown()
		events = set.Events[:set.Sleep(e.patience())]
		e.clock.read()
	}
	if !quiet(events) {
		e.coolDue = e.clock.mono + int64(warm)
	}
	e.serveAll(events)
}

// serveAll serves the events of a wait, and does whatever else is due.
func (e *engine) serveAll(events []kernel.Event) {
	for i := range events {
		e.serve(events[i].Tag, events[i].Flags)
	}
	e.deliver()
	e.runAgain()
	e.overdue()
}

// settleDown does what should not be delayed until after a long sleep.
func (e *engine) settleDown() {
	if e.agenda[bellDuty] != 0 {
		e.tellNow()
	}
	e.stepAside()
}

// serve dispatches one event to its handler.
func (e *engine) serve(t kernel.Tag, flags uint32) {
	if t.Kind() == onClient || t.Kind() == onTarget {
		e.serveSession(t, flags)
		return
	}
	e.deliver()
	switch t.Kind() {
	case onLifeline:
		e.readOrders()
	case onListener:
		e.takeClients(t.Index())
	case onTerm:
		e.endAll()
	case onAlarm:
		e.alarm.Rang()
	}
}

func (e *engine) serveSession(t kernel.Tag, flags uint32) {
	s := e.table[t.Index()]
	if s == nil || s.epoch != t.Epoch() || s.state == ended {
		return // an event of a session that ended earlier in this iteration
	}
	side, other := &s.client, &s.target
	if t.Kind() == onTarget {
		side, other = other, side
	}
	if s.plain(side, flags) {
		e.gather(s, side, other)
		return
	}
	e.deliver()
	side.note(flags)
	e.step(s)
}

// runAgain continues the sessions that had more to do.
func (e *engine) runAgain() {
	list := e.runAgainSoon
	e.runAgainSoon = nil
	for _, s := range list {
		s.queued = false
		if s.state != ended {
			e.step(s)
		}
	}
	if e.runAgainSoon == nil {
		e.runAgainSoon = list[:0]
	}
}

// retryAgain schedules the next retry of unwritten lines, if there are any.
func (e *engine) retryAgain(unwritten bool) {
	e.agenda[lineDuty] = 0
	if unwritten {
		e.agenda[lineDuty] = e.clock.mono + int64(lineRetry)
	}
}

// setBell puts the bell on the agenda.
func (e *engine) setBell() { e.agenda[bellDuty] = e.bell.due }

// suitClass adapts the scheduling class to the number of sessions.
func (e *engine) suitClass() { e.class.Suit(e.live) }

// orphaned continues without a master.
func (e *engine) orphaned() {
	if e.orphan {
		return
	}
	e.orphan = true
	e.drain()
	e.accept.close()
	if e.live > 0 && e.notify != nil {
		e.catchTerm(e.notify)
	}
}

// catchTerm makes TERM and similar signals end the sessions, each with its line: without
// a master, only the worker itself can write the lines. The signals are not caught
// earlier, because a handler costs memory.
func (e *engine) catchTerm(notify Notify) {
	fd, errno := kernel.EventFD()
	if errno == 0 {
		errno = e.poll.Add(fd, syscall.EPOLLIN|kernel.Edge, kernel.MakeTag(onTerm, 0, 0))
	}
	if errno != 0 {
		e.records.failErrno("orphan: eventfd", errno)
		return
	}
	for i, s := range deadly {
		kernel.SetAction(s, &e.actions[i], nil) // os/signal expects the runtime's action
	}
	c := make(chan os.Signal, 1)
	notify(c, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGABRT)
	go func() {
		<-c
		e.term.Store(true)
		kernel.Signal(fd)
	}()
}

// endAll ends every session after a signal.
func (e *engine) endAll() {
	if !e.term.Load() {
		return
	}
	e.drain()
	for _, s := range e.table {
		if s != nil && s.state != ended {
			e.endedByAdmin(s, board.BySignal)
		}
	}
}
