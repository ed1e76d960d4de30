//go:build !linux

// Whether a process is about to end: not known on other systems.

package pidfile

// dying returns false: this system does not show it.
func dying(int) bool { return false }
