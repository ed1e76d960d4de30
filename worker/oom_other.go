//go:build !linux

// raiseOOMScore for systems other than Linux, which have no oom_score_adj.

package worker

// raiseOOMScore does nothing here.
func (w *worker) raiseOOMScore() {}
