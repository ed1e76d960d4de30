// Why no client is served, as text: for the service manager and for the status.

package supervisor

import (
	"syscall"

	"daemon/plug/worker/record"
)

// trouble returns why no new client is served; "" if clients are served. The cause
// was logged when it began; this text is for those who ask for the status, and for
// the service manager.
func (p *plug) trouble() string {
	errno := syscall.Errno(p.generation.board.State.Deaf.Load())
	switch {
	case p.m.phase != running:
		return ""
	case p.revives() || errno == syscall.EINVAL: // found by this master, or by a worker
		return "the listener was shut down by another process"
	case p.spawning.said && !p.somebodyAccepts():
		return "cannot start a worker: " + p.spawning.why
	case p.spawning.idle.said && !p.somebodyAccepts():
		return "workers end without a session"
	case errno != 0:
		return "cannot accept clients: " + record.Limit(errno)
	}
	return ""
}

// trouble returns why a plug serves no client, and whether any plug does.
func (m *master) trouble() (why string, serves bool) {
	for _, p := range m.plugs {
		switch text := p.trouble(); {
		case text == "":
			serves = true
		case why == "" && len(m.plugs) > 1:
			why = p.name() + ": " + text
		case why == "":
			why = text
		}
	}
	return why, serves
}

// somebodyAccepts reports whether there is a worker that may take a client.
func (p *plug) somebodyAccepts() bool {
	return p.count[spare] > 0 || p.pool() && p.count[busy] > 0
}

// deaf reports whether workers cannot accept for a reason that would also affect
// new workers: any reason except a shortage in the worker itself.
func (p *plug) deaf() bool {
	errno := syscall.Errno(p.generation.board.State.Deaf.Load())
	return errno != 0 && !record.Scarce(errno)
}
