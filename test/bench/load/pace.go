//go:build linux

package load

import "time"

// pace makes something happen at even times, whatever has come of it before.
// A nil one makes nothing happen.
type pace struct {
	every, due, end time.Duration // of run.now
	beat            func()
}

func (p *pace) running() bool { return p != nil && p.due < p.end }

// wait is how many milliseconds nothing is due.
func (p *pace) wait(now time.Duration) int {
	const most = 50 * time.Millisecond
	if !p.running() {
		return int(most.Milliseconds())
	}
	left := min(max(p.due-now, 0), most)
	return int((left + time.Millisecond - 1) / time.Millisecond)
}

// keep does what is due.
func (p *pace) keep(now time.Duration) {
	for p.running() && p.due <= now {
		p.due += p.every
		p.beat()
	}
}
