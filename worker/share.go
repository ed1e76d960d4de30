// When a pool worker leaves clients to other workers.

package worker

const (
	aboveMean  = 8 // sessions above the mean at which a pool worker leaves the others to it
	aboveShare = 8 // and at least an eighth of the mean
)

// overloaded is true in a pool worker well above the mean number of sessions.
// Wake-ups don't rotate: of those that wait for one client the first, or the one
// that is busy anyway, would take them all.
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
