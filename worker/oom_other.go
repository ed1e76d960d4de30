//go:build !linux

package worker

// offerToKiller does nothing where nobody can be offered.
func (w *worker) offerToKiller() {}
