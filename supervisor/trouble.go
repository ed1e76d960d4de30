// Why no client is served, in words: for the service manager and for whoever asks
// for the status.

package supervisor

import (
	"syscall"

	"daemon/plug/worker/record"
)

// trouble is why no new client is served, in words; "" if clients are. What has
// caused it was logged when it began: this is for those who ask, the service
// manager among them.
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

// somebodyAccepts reports whether a worker is there that may take a client.
func (m *master) somebodyAccepts() bool {
	return m.plug.count[spare] > 0 || m.pool() && m.plug.count[busy] > 0
}

// deaf reports whether workers can't accept for a reason that new workers would
// share: everything but a shortage of their own.
func (m *master) deaf() bool {
	errno := syscall.Errno(m.plug.generation.board.State.Deaf.Load())
	return errno != 0 && !record.Scarce(errno)
}
