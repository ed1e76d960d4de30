//go:build linux && !portable

package worker

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/board"
	"plugdaemon/worker/report"
)

// engine is the event loop of a worker on Linux: one thread, one epoll set, no
// allocation a session after warm-up.
type engine struct {
	*worker
	poll   poller
	buffer []byte // of the relay, shared by all sessions
	accept acceptor
	relay  relay

	table  []*session // by row; made at first use
	free   []int      // rows without a session
	live   int
	again  []*session     // had more to do than a turn allows
	due    deadlines      // of sessions that connect or negotiate
	trials []*board.Tried // spare ones

	bellDue  int64 // when tell is called at the latest; 0 is never
	draining bool  // takes no more sessions
	orphan   bool  // the master is gone
	term     atomic.Bool
}

const (
	quick     = 5                // ms that a raw wait may last, and a doorbell may wait
	relayRoom = 64 << 10         // bytes that a turn of the relay reads at most
	turns     = 16               // of the relay, before other sessions get theirs
	never     = int64(1<<63 - 1) // no deadline
)

func run(w *worker) error {
	runtime.LockOSThread()
	e := &engine{worker: w, buffer: make([]byte, relayRoom)}
	b := w.board
	rows := int(b.Assignment.Capacity)
	e.table = make([]*session, rows)
	e.free = make([]int, rows)
	for i := range e.free {
		e.free[i] = rows - 1 - i
	}
	ignoreSignals()
	if err := e.poll.open(); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if err := e.poll.add(FDLifeline, unix.EPOLLIN, tagOf(onLifeline, 0, 0)); err != nil {
		return fmt.Errorf("epoll: lifeline: %w", err)
	}
	unix.SetNonblock(FDLifeline, true)
	e.accept.open(int(b.Listeners))
	e.ring(report.Ready, 0)
	e.lookAtGate()
	for !e.done() {
		e.turn()
	}
	return nil
}

// done tells whether the worker's life is over.
func (e *engine) done() bool {
	return e.live == 0 && (e.draining || e.usedUp())
}

func (e *engine) usedUp() bool { return e.board.Uses != 0 && e.uses >= e.board.Uses }

// turn waits for events and serves them.
func (e *engine) turn() {
	n := e.poll.wait(e.patience())
	if n == 0 {
		e.clock.look()
		e.overdue()
		if len(e.again) == 0 {
			e.settleDown()
			n = e.poll.sleep(e.patienceAsleep())
		}
	}
	e.clock.look()
	for i := range n {
		e.serve(e.poll.events[i].tag, e.poll.events[i].flags)
	}
	e.runAgain()
	e.overdue()
}

// patience is how long a raw wait may last, in ms.
func (e *engine) patience() int {
	if len(e.again) != 0 {
		return 0
	}
	return quick
}

// patienceAsleep is how long nothing has to be done without an event, in ms; -1 is for ever.
func (e *engine) patienceAsleep() int {
	next := min(e.due.next(), e.accept.retryAt())
	if next == never {
		return -1
	}
	return int(max(0, next-e.clock.mono)/int64(time.Millisecond)) + 1
}

// settleDown does what should not wait for the end of a long sleep.
func (e *engine) settleDown() {
	if e.bellDue != 0 {
		e.tellNow()
	}
}

// serve dispatches one event to who waits for it.
func (e *engine) serve(t tag, flags uint32) {
	switch t.kind() {
	case onLifeline:
		e.readOrders()
	case onListener:
		e.takeClients(t.index())
	case onClient, onTarget:
		s := e.table[t.index()]
		if s == nil || s.turn != t.turn() || s.state == ended {
			return // an event of a session that ended in this very turn
		}
		side := &s.client
		if t.kind() == onTarget {
			side = &s.target
		}
		side.note(flags)
		e.step(s)
	case onTerm:
		e.endAll()
	}
}

// runAgain gives sessions that had more to do their next turn.
func (e *engine) runAgain() {
	list := e.again
	e.again = nil
	for _, s := range list {
		s.queued = false
		if s.state != ended {
			e.step(s)
		}
	}
	if e.again == nil {
		e.again = list[:0]
	}
}

// overdue ends what has waited too long, and does what was put off.
func (e *engine) overdue() {
	for s := e.due.first; s != nil && s.deadline <= e.clock.mono; s = e.due.first {
		e.due.remove(s)
		e.timeout(s)
	}
	if e.bellDue != 0 && e.clock.mono >= e.bellDue {
		e.tellNow()
	}
	if e.clock.mono >= e.accept.retryAt() {
		e.accept.paused = 0
		e.join()
	}
}

// tellSoon lets a change of this worker's state wait for company: a session of
// less than 5 ms then rings no bell at all. When spares are few it rings at once.
func (e *engine) tellSoon() {
	busy, single := e.live > 0, e.board.Assignment.Capacity == 1
	switch {
	case single && busy == e.told:
		e.bellDue = 0
	case single && busy && e.board.Plenty.Load() == 0:
		e.tellNow()
	case e.bellDue == 0:
		e.bellDue = e.clock.mono + quick*int64(time.Millisecond)
	}
}

// tellNow rings, and shows the same in the process title. A pool's sessions
// are the board's alone: its workers are listed for as long as they live.
func (e *engine) tellNow() {
	e.bellDue = 0
	if e.board.Assignment.Capacity == 1 {
		e.tell(e.live > 0)
	}
	e.show()
}

// ignoreSignals: what a terminal sends to a group is the master's business, and
// a write to a peer that has gone is answered by its error.
func ignoreSignals() { signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE) }

// orphaned goes on without a master: nobody would write the lines of a killed
// worker now, so TERM is caught, and not before, since a handler costs memory.
func (e *engine) orphaned() {
	if e.orphan {
		return
	}
	e.orphan = true
	e.drain()
	e.accept.close()
	if e.live == 0 {
		return
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil || e.poll.add(fd, unix.EPOLLIN|unix.EPOLLET, tagOf(onTerm, 0, 0)) != nil {
		e.records.fail("orphan", os.NewSyscallError("eventfd", err))
		return
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	go func() {
		<-c
		e.term.Store(true)
		unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}()
}

// endAll ends every session at an admin's word.
func (e *engine) endAll() {
	if !e.term.Load() {
		return
	}
	e.drain()
	for _, s := range e.table {
		if s != nil && s.state != ended {
			e.abort(s, board.AdminEnded)
		}
	}
}
