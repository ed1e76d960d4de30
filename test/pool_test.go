// A test of a pool with a stopped worker.

package test

import (
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// A pool's workers leave clients to those with fewer sessions. A stopped
// worker has few and accepts none: the others still serve all clients.
func TestPoolBesideAStoppedWorker(t *testing.T) {
	t.Parallel()
	const sessions = 100 // of which a balanced worker would carry half
	p := harness.Start(t, "pool", "--workers", "2", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	stopped := grown(p, 2)[0]
	harness.StopProcess(t, stopped.PID)
	held := harness.Hold(t, p, sessions)
	for i, pid := range p.CarriersOf(held) {
		if pid == stopped.PID {
			t.Fatalf("session %d is carried by %d, which is stopped", i, pid)
		}
	}
	syscall.Kill(stopped.PID, syscall.SIGCONT)
	for _, c := range held {
		c.Close()
	}
	p.Lines(sessions)
}
