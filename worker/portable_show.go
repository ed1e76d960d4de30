//go:build !linux || portable

// When the portable engine's bell rings.

package worker

import "time"

// setBell sets the bell's timer.
func (e *engine) setBell() {
	if e.bell.due != 0 {
		e.late.Reset(time.Duration(e.bell.due - e.clock.mono))
	}
}

// ringLate runs when the bell's timer fires. The reason for it may be gone by then.
func (e *engine) ringLate() {
	e.lock()
	defer e.mu.Unlock()
	if e.bell.due != 0 && e.bell.due <= e.clock.mono {
		e.tellNow()
		return
	}
	e.setBell()
}

// suitClass does nothing: Go's threads keep the class in which they were started.
func (e *engine) suitClass() {}
