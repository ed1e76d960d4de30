// Why no client is served, as text: for the service manager and for the status.

package supervisor

import (
	"syscall"

	"daemon/plug/worker/record"
)

// trouble returns why no new client is served; "" if clients are served. The cause
// was logged when it began; this text is for those who ask for the status, and for
// the service manager.
func (m *master) trouble() string {
	errno := syscall.Errno(m.plug.generation.board.State.Deaf.Load())
	switch {
	case m.phase != running:
		return ""
	case !m.plug.revival.since.IsZero() || errno == syscall.EINVAL: // found by this master, or by a worker
		return "the listener was shut down by another process"
	case m.spawner.said && !m.somebodyAccepts():
		return "cannot start a worker: " + m.spawner.why
	case m.spawner.idle.said && !m.somebodyAccepts():
		return "workers end without a session"
	case errno != 0:
		return "cannot accept clients: " + record.Limit(errno)
	}
	return ""
}

// somebodyAccepts reports whether there is a worker that may take a client.
func (m *master) somebodyAccepts() bool {
	return m.plug.count[spare] > 0 || m.pool() && m.plug.count[busy] > 0
}

// deaf reports whether workers cannot accept for a reason that would also affect
// new workers: any reason except a shortage in the worker itself.
func (m *master) deaf() bool {
	errno := syscall.Errno(m.plug.generation.board.State.Deaf.Load())
	return errno != 0 && !record.Scarce(errno)
}
