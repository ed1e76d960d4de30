//go:build linux && !portable

// How the event loop reads the master's orders, and how it carries out those about its
// listeners and sessions. What each order means is in orders.go.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
)

// readOrders obeys the master, and notices when it has gone.
func (e *engine) readOrders() {
	var text [16]byte
	control := make([]byte, syscall.CmsgSpace(4))
	for {
		n, oob, _, _, err := syscall.Recvmsg(FDLifeline, text[:], control, syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
		if err == syscall.EAGAIN || err == syscall.EINTR {
			return
		}
		if err != nil || n == 0 {
			e.poll.Remove(FDLifeline)
			e.accept.listenSet.Remove(FDLifeline)
			e.orphaned()
			return
		}
		e.obeyAll(text[:n], control[:oob])
	}
}

// rescueAll takes waiting clients of all listeners.
func (e *engine) rescueAll() {
	for i := range e.accept.listeners {
		e.rescue(i)
	}
}

// endOne ends a session on an admin's order, if it still exists.
func (e *engine) endOne(row uint32, epoch uint64) {
	if s := e.sessionAt(row, epoch); s != nil {
		e.endedByAdmin(s, board.ByAdmin)
	}
}

// checkGate acts on the state of the generation's gate.
func (e *engine) checkGate() {
	if e.board.State.Gate.Load() == board.GateDraining {
		e.drain()
		return
	}
	if e.resting() {
		e.agenda[acceptDuty] = e.clock.mono // the listener may work again: try now
	}
	e.join()
}
