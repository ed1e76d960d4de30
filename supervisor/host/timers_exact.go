//go:build !linux || portable

// The timers of workers that wait by the runtime's own timers: these stay as exact
// as they are.

package host

// RelaxTimers does nothing where workers wait by the runtime's own timers.
func RelaxTimers() {}
