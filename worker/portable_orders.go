//go:build !linux || portable

// How the portable engine reads the master's orders, and continues without a master.

package worker

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// readOrders obeys the master, and notices when it has gone.
func (e *engine) readOrders(lifeline *socket) {
	var text [16]byte
	control := make([]byte, unix.CmsgSpace(4))
	for {
		n, rights, err := 0, 0, error(nil)
		closed := lifeline.raw.Read(func(fd uintptr) bool {
			n, rights, _, _, err = unix.Recvmsg(int(fd), text[:], control, unix.MSG_DONTWAIT)
			return err != unix.EAGAIN && err != unix.EINTR
		})
		if closed != nil || err != nil || n == 0 {
			e.orphaned()
			return
		}
		e.lock()
		e.open = e.board.State.Gate.Load() == board.GateOpen
		e.obeyAll(text[:n], control[:rights])
		e.mu.Unlock()
	}
}

// rescueAll takes waiting clients of all listeners. The mutex is held.
func (e *engine) rescueAll() {
	for _, l := range e.listeners {
		for e.canServe() && e.takeClient(l) {
		}
	}
}

// checkGate acts on the state of the generation's gate. The mutex is held.
func (e *engine) checkGate() {
	gate := e.board.State.Gate.Load()
	e.open = gate == board.GateOpen
	e.paused = false // the listener may work again
	if gate == board.GateDraining {
		e.drain()
	}
	e.changed()
}

// orphaned continues without a master: nobody would write the lines of a killed worker
// now, so TERM is caught. It is not caught before, because a handler costs memory.
func (e *engine) orphaned() {
	e.lock()
	defer e.mu.Unlock()
	e.orphan = true
	e.drain()
	if e.live == 0 {
		return
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	go func() {
		<-c
		e.endAll()
	}()
}

// endAll ends every session after a signal, and the worker with them: it keeps the mutex,
// so that no other goroutine settles anything any more, and the end of the process closes
// the sockets.
func (e *engine) endAll() {
	e.lock()
	for _, s := range e.table {
		if s == nil || s.client == nil {
			continue
		}
		if s.row.Word().State() == board.RowLive {
			s.takeOff()
			s.finishAs(board.AdminEnded, board.BySignal)
		}
		s.client.reset()
		if s.target != nil {
			s.target.reset()
		}
		e.settle(s.row, s.index, "")
	}
	e.leave()
}
