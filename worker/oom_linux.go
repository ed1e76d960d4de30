// A worker's oom_score_adj (proc(5)).

package worker

import (
	"strconv"
	"syscall"

	"daemon/plug/worker/kernel"
)

// raiseOOMScore makes the kernel, when memory runs out, kill a worker and not
// its master: one session rather than the plug (proc(5), oom_score_adj). Raising
// one's own score needs no right. It comes after READY, so no client waits for it.
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
