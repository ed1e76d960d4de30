// When a pool worker leaves clients to other workers.

package worker

const (
	aboveMean  = 8 // sessions above the mean at which a pool worker leaves clients to others
	aboveShare = 8 // and at least an eighth of its own sessions
)

// overloaded reports whether this is a pool worker well above the mean number of
// sessions. Wake-ups don't rotate: among the workers that wait for a client, the first
// one, or the one that is busy anyway, would take all clients.
func (e *engine) overloaded() bool {
	if !e.pool || e.live < aboveMean {
		return false
	}
	workers, sessions := 0, 0
	for i := range int(e.board.Assignment.Workers) {
		if c := e.board.Column(i); c.PID.Load() != 0 {
			workers++
			sessions += int(c.Live.Load())
		}
	}
	return workers > 1 && e.live*workers > sessions+workers*max(aboveMean, e.live/aboveShare)
}
