// The master's orders, as they arrive over the lifeline. Both engines obey them here.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
	"daemon/plug/worker/report"
)

// obeyAll obeys the orders in one message, which may carry a descriptor.
func (e *engine) obeyAll(text, control []byte) {
	if len(control) > 0 {
		e.hold(control)
	}
	for _, b := range text {
		if order, ok := e.orders.Next(b); ok {
			e.obey(order)
		}
	}
}

func (e *engine) obey(order report.Order) {
	switch order {
	case report.Nudge: // clients wait although a worker could serve them
		e.rescueAll()
	case report.Gate:
		e.checkGate()
	case report.Drain:
		e.drain()
	case report.Kill:
		e.endOne(e.orders.Row, e.orders.Epoch)
	case report.Session:
		e.takeSessionFile(e.takeHeld())
	case report.Follow:
		e.takeAssignment(e.takeHeld())
	case report.Listen:
		e.addListener(e.takeHeld(), e.orders.Number)
	case report.Leave:
		e.leaveListener(e.orders.Number)
	}
}

// hold keeps the descriptor that came with a message, until the order that it belongs to
// is complete. One whose order this worker did not know is closed by then.
func (e *engine) hold(control []byte) {
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
			if old := e.takeHeld(); old >= 0 {
				syscall.Close(old)
			}
			e.held = fd + 1
		}
	}
}

// takeHeld returns the descriptor that came with an order, which the caller closes; -1 if
// there is none.
func (e *engine) takeHeld() (fd int) {
	fd, e.held = e.held-1, 0
	return fd
}

// takeSessionFile replaces the session file.
func (w *worker) takeSessionFile(fd int) {
	if fd < 0 {
		return
	}
	if errno := kernel.Replace(fd, FDSession); errno != 0 {
		w.records.fail("session file", errno)
	}
	w.records.lines.rest = nil
	syscall.Close(fd)
}
