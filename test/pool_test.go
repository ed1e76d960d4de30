// A test of a pool with a stopped worker.

package test

import (
	"syscall"
	"testing"
)

// A pool's workers leave clients to those with fewer sessions. A stopped
// worker has few and accepts none: the others still serve all clients.
func TestPoolBesideAStoppedWorker(t *testing.T) {
	t.Parallel()
	const sessions = 100 // of which a balanced worker would carry half
	p := start(t, "pool", "--workers", "2", serve(t, anywhere, echo).addr())
	stopped := p.grown(2)[0]
	stopProcess(t, stopped.pid)
	held := hold(t, p, sessions)
	for i, pid := range p.carriersOf(held) {
		if pid == stopped.pid {
			t.Fatalf("session %d is carried by %d, which is stopped", i, pid)
		}
	}
	syscall.Kill(stopped.pid, syscall.SIGCONT)
	for _, c := range held {
		c.Close()
	}
	p.lines(sessions)
}
