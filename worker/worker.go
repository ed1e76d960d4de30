// A worker's life from its start to its exit status, and what both engines share.

package worker

import (
	"fmt"
	"os"
	"runtime"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
	"daemon/plug/worker/report"
	"daemon/plug/worker/title"
)

// worker is what both engines share: the identity of this process, and its records.
type worker struct {
	board  *board.Board
	slot   int
	pool   bool // a pool's worker, see board.Pool
	pid    int
	column *board.Column
	tally  *board.Tally
	orders report.Orders // from the lifeline
	held   int           // the descriptor that came with an order which is not complete, plus one
	tag    string        // as in syslog
	label  string        // as in session lines and titles

	listeners []inheritedListener // that it has not left

	clock   clock
	records records
	title   *title.Title
	text    []byte // scratch: a title, the OOM score, a request to the proxy

	unwritten []unwrittenLine // ended sessions whose lines could not be written yet
	lastCall  int64           // when a worker without a master gives them up; 0 is not known yet
	bell      bell
	uses      uint32
	most      uint32 // sessions of a whole life; 0 is unlimited
	status    int    // exit status
	failures  int    // of accept in a row
}

// inheritedListener is a listener with the number that the master's orders name. A number
// is used once in a generation.
type inheritedListener struct {
	number uint32
	fd     int
}

// lifetime is how many sessions the worker in a slot may carry. Workers that started
// together would also end together, and clients would have to wait while new ones start:
// up to a ninth of their lives is subtracted, a different part for each of eight
// neighbours.
func lifetime(uses uint32, slot int) uint32 { return uses - uses/64*uint32(slot%8) }

// usedUp reports whether the worker has carried all the sessions of its life.
func (w *worker) usedUp() bool { return w.most != 0 && w.uses >= w.most }

// Notify has the type of os/signal's Notify.
type Notify func(c chan<- os.Signal, signals ...os.Signal)

// prepared is the engine that Early has prepared for Main.
var prepared *engine

// Main runs this process as a worker and returns its exit status: the outcome of its
// session in fork mode, otherwise 0.
func Main(notify Notify) int {
	runtime.LockOSThread()
	status, _ := live(notify)
	return status
}

// Early is Main on the startup thread, before os/signal and other packages are
// initialised (see package early). If sessions are left when the master goes, it returns
// with over false, because these need os/signal: Main continues.
func Early() (status int, over bool) { return live(nil) }

func live(notify Notify) (status int, over bool) {
	if prepared == nil {
		w, err := attach()
		if err != nil {
			takeSignals()
			stderr := outlet{fd: 2} // os.Stderr would wait until somebody reads
			stderr.put(fmt.Appendf(nil, "plug: worker: %v\n", err))
			return 4, true
		}
		title.Comm("plug")
		w.title = title.Claim(false)
		w.showSpare()
		if prepared, err = newEngine(w); err != nil {
			w.records.fail("worker", err)
			return 4, true
		}
	}
	if !prepared.carryOn(notify) {
		return 0, false
	}
	return prepared.status, true
}

// sendDoorbell writes one doorbell. The pipe never blocks traffic: if it is full, the
// master is asked to check the whole board.
func (w *worker) sendDoorbell(kind report.Kind, row int) {
	r := report.Record{Kind: kind, Slot: uint16(w.slot), PID: uint32(w.pid),
		Generation: w.board.Assignment.Generation, Row: uint32(row)}
	w.records.doorbell = r.Append(w.records.doorbell[:0])
	if n, errno := kernel.Write(FDReport, w.records.doorbell); errno != 0 || n != report.Size {
		w.board.State.Attention.Store(1)
		w.tally.BellOverflows.Add(1)
	}
}

// tell rings if what the master knows about this worker is wrong.
func (w *worker) tell() {
	busy := w.bell.rung(w.clock.mono)
	if busy == w.bell.told {
		return
	}
	w.bell.told = busy
	if busy {
		w.sendDoorbell(report.Begin, 0)
	} else {
		w.sendDoorbell(report.End, 0)
	}
}
