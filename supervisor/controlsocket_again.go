// A control socket whose file was removed or replaced: it is made again once that
// is possible.

package supervisor

import (
	"daemon/plug/supervisor/control"
)

// keepControl makes sure that clients can find the control socket. It is made
// again if its file was removed (with its directory or without it) or replaced, or
// if it could not be made at the commit. This may wait for a disk, so a goroutine
// does it.
func (m *master) keepControl() {
	c := &m.control
	if !m.controlled() || m.phase != running || m.upgrades.current != nil || !c.looking.CompareAndSwap(false, true) {
		return
	}
	socket := c.socket
	go func() {
		defer c.looking.Store(false)
		if socket != nil && socket.Current() {
			return
		}
		again, err := m.makeSocket(control.Claim)
		if !m.do(func() { m.takeControl(again, err) }) && err == nil {
			again.Remove()
		}
	}()
}

// takeControl serves a control socket that was made again.
func (m *master) takeControl(again *control.Socket, err error) {
	c := &m.control
	switch {
	case err != nil && err.Error() != c.said:
		c.said = err.Error()
		m.log.Error("cannot recreate the control socket", "error", err)
	case err != nil:
	case m.phase != running || m.upgrades.current != nil:
		m.removeSocket(again)
	default:
		if c.server != nil {
			c.server.Deafen()
		}
		if c.socket != nil {
			c.socket.Close()
		}
		c.said, c.socket, c.fresh = "", again, false
		m.serveControl()
		m.log.Warn("control socket recreated", "socket", again.Path)
	}
}
