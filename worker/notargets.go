package worker

import "daemon/plug/worker/board"

// noTargets says, once in a while, that clients are turned away because an admin
// has disabled all targets; slot is what the session tried last, if anything.
func (w *worker) noTargets(slot int) {
	if slot < 0 && w.board.NoTargets() && w.board.ShouldLog(board.LogTargets, w.clock.ms()) {
		w.records.error("connect", "no target available: all are disabled or draining")
	}
}
