//go:build !linux

// Other systems than Linux have no oom_score_adj.

package worker

// raiseOOMScore does nothing where nobody can be offered.
func (w *worker) raiseOOMScore() {}
