// A worker's oom_score_adj (proc(5)).

package worker

import (
	"strconv"
	"syscall"

	"daemon/plug/worker/kernel"
)

// raiseOOMScore makes the kernel kill a worker rather than its master when memory runs
// out: one session instead of the whole plug (proc(5), oom_score_adj). A process may
// raise its own score without privileges. This happens after READY, so no client waits
// for it.
func (w *worker) raiseOOMScore() {
	score := w.board.Assignment.OOMScore
	if score == 0 {
		return
	}
	fd, err := syscall.Open("/proc/self/oom_score_adj", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	w.text = strconv.AppendInt(w.text[:0], int64(score), 10)
	kernel.Write(fd, w.text)
	syscall.Close(fd)
}
