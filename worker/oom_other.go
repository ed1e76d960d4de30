//go:build !linux

package worker

// raiseOOMScore does nothing where nobody can be offered.
func (w *worker) raiseOOMScore() {}
