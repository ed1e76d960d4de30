//go:build !linux || portable

package supervisor

// relaxTimers does nothing where workers wait by the runtime's own timers.
func relaxTimers() {}
