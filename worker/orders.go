// The master's orders, as they arrive over the lifeline. Both engines obey them here.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
	"daemon/plug/worker/report"
)

// obeyAll obeys the orders in one message, which may carry a new session file.
func (e *engine) obeyAll(text, control []byte) {
	if len(control) > 0 {
		e.takeSessionFile(control)
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
	}
}

// takeSessionFile replaces the session file by the one that came with an order.
func (w *worker) takeSessionFile(control []byte) {
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
			if errno := kernel.Replace(fd, FDSession); errno != 0 {
				w.records.fail("session file", errno)
			}
			w.records.lines.rest = nil
			syscall.Close(fd)
		}
	}
}
