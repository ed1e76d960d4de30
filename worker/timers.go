// A session's timers: one table for both engines. A kind of timer is a constant, its row
// in the table, and what happens at its end: in the event loop that is in expire
// (session.go); in the portable engine, it is the deadline of what the session waits for.

package worker

import (
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// timer is a kind of timer.
type timer uint8

const (
	connectTimer timer = iota // a connect, or the proxy's reply, takes too long
	closeTimer                // a side has failed, and its last bytes take too long

	timers = iota
)

// timerTable says how long each timer runs, in ms.
var timerTable = [timers]func(a *board.Assignment) uint32{
	connectTimer: func(a *board.Assignment) uint32 { return a.ConnectTimeout },
	closeTimer:   func(a *board.Assignment) uint32 { return a.CloseTimeout },
}

// lasts is how long a timer runs, in ns.
func (w *worker) lasts(t timer) int64 {
	return int64(timerTable[t](w.board.Assignment)) * int64(time.Millisecond)
}

// running are a session's timers: when each is due, in monotonic ns; 0 if it does not run.
type running [timers]int64

// nearest is the timer that is due first, and when: kernel.Never without one.
func (r *running) nearest() (t timer, at int64) {
	at = kernel.Never
	for kind, due := range r {
		if due != 0 && due < at {
			t, at = timer(kind), due
		}
	}
	return t, at
}
