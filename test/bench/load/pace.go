//go:build linux

// Actions at regular times.

package load

import "time"

// pace does something at regular times, whatever the results of earlier times
// are. A nil pace does nothing.
type pace struct {
	every, due, end time.Duration // of run.now
	beat            func()
}

func (p *pace) running() bool { return p != nil && p.due < p.end }

// wait is the number of milliseconds until the next action is due.
func (p *pace) wait(now time.Duration) int {
	const most = 50 * time.Millisecond
	if !p.running() {
		return int(most.Milliseconds())
	}
	left := min(max(p.due-now, 0), most)
	return int((left + time.Millisecond - 1) / time.Millisecond)
}

// keep runs the actions that are due.
func (p *pace) keep(now time.Duration) {
	for p.running() && p.due <= now {
		p.due += p.every
		p.beat()
	}
}
