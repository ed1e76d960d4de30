// Which address and interface a session's connection to its target comes from.

package worker

import (
	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// bindSource sets where a connection to an address comes from: the address of -p, or the
// source's interface or address.
func (w *worker) bindSource(fd int, to *board.Addr) failure {
	from := &w.board.Assignment.Source
	if w.board.Assignment.Interface.Len != 0 {
		name, own := w.board.Assignment.Interface.String(), *from
		if errno := kernel.BindInterface(fd, name, to, &own); errno != 0 {
			return failed("interface "+name, errno)
		}
		from = &own
	}
	if from.Kind == 0 {
		return failure{}
	}
	if errno := kernel.BindAddress(fd, from); errno != 0 {
		return failed("bind "+from.Host(), errno)
	}
	return failure{}
}
