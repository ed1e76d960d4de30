//go:build !linux || portable

// The timers of workers that wait with the runtime's own timers: they keep their
// precision.

package host

// RelaxTimers does nothing where workers wait with the runtime's own timers.
func RelaxTimers() {}
