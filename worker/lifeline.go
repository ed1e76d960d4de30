//go:build linux && !portable

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// readOrders obeys the master, and notices its end.
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
		if oob > 0 {
			e.takeSessionFile(control[:oob])
		}
		for _, b := range text[:n] {
			if order, ok := e.orders.Next(b); ok {
				e.obey(order)
			}
		}
	}
}

func (e *engine) obey(order report.Order) {
	switch order {
	case report.Nudge:
		for i := range e.accept.listeners {
			e.rescue(i)
		}
	case report.Gate:
		e.checkGate()
	case report.Drain:
		e.drain()
	case report.Kill:
		e.endOne(e.orders.Row, e.orders.Epoch)
	}
}

// endOne ends a session at an admin's word, if it is still there.
func (e *engine) endOne(row uint32, turn uint64) {
	if int(row) >= len(e.table) {
		return
	}
	if s := e.table[row]; s != nil && s.state != ended && s.row.Word().Epoch() == turn {
		e.endedByAdmin(s, board.ByAdmin)
	}
}

// checkGate follows the generation's gate.
func (e *engine) checkGate() {
	if e.board.State.Gate.Load() == board.GateDraining {
		e.drain()
		return
	}
	if e.accept.paused != 0 {
		e.accept.paused = e.clock.mono // the listener may be as it was: try again now
	}
	e.join()
}

// takeSessionFile puts the session file that came with an order in the place
// of the old one.
func (e *engine) takeSessionFile(control []byte) {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if err := syscall.Dup3(fd, FDSession, syscall.O_CLOEXEC); err != nil {
				e.records.fail("session file", err)
			}
			e.records.lines.rest = nil
			syscall.Close(fd)
		}
	}
}
