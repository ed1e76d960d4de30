//go:build !linux || portable

// The portable engine: what its goroutines share, and the lock over it.

package worker

import (
	"sync"
	"time"

	"daemon/plug/worker/report"
)

// engine carries sessions where the event loop does not run: with a goroutine for each
// session, one for each listener and one for the lifeline, all of them waiting in Go's
// network poller.
//
// What they share is behind one mutex: the worker's records and clock, its column and
// rows, the table. It is held only briefly, and never while waiting for the network. A
// socket belongs to its session's goroutine.
type engine struct {
	*worker
	mu        sync.Mutex
	change    *sync.Cond // signals that a client may be accepted now, or never again
	listeners []*listener

	places
	open     bool // state of the gate when an order was last obeyed
	paused   bool // accept failed a moment ago
	retrying bool // unwritten lines will be retried

	late *time.Timer   // the bell's
	over chan struct{} // closed when the worker's life is over
}

// garbage tells Env that sessions leave garbage: their goroutines and sockets.
const garbage = true

// newEngine makes the engine of a worker, and tells the master that the worker is ready.
func newEngine(w *worker) (*engine, error) {
	e := &engine{worker: w, places: makePlaces(int(w.board.Tables.RowsEach)), over: make(chan struct{})}
	e.change = sync.NewCond(&e.mu)
	takeSignals()
	lifeline, err := openSocket(FDLifeline)
	if err != nil {
		return nil, err
	}
	e.late = time.AfterFunc(time.Hour, e.ringLate)
	for _, l := range w.listeners {
		e.listeners = append(e.listeners, &listener{fd: l.fd})
	}
	e.lock()
	e.checkGate()
	e.mu.Unlock()
	e.sendDoorbell(report.Ready, 0)
	w.raiseOOMScore()
	for _, l := range e.listeners {
		go e.acceptFrom(l)
	}
	go e.readOrders(lifeline)
	return e, nil
}

// carryOn serves until the worker's life is over.
func (e *engine) carryOn(Notify) bool {
	<-e.over
	return true
}

// lock takes the mutex and reads the clock. Everything that records a time does this.
func (e *engine) lock() {
	e.mu.Lock()
	e.clock.read()
}

// changed wakes the goroutines that wait for a change in what this worker may accept, and
// ends the worker after its last session. The mutex is held.
func (e *engine) changed() {
	e.change.Broadcast()
	if e.done() {
		e.leave()
	}
}

// leave ends the worker's life.
func (e *engine) leave() {
	select {
	case <-e.over:
	default:
		close(e.over)
	}
}
