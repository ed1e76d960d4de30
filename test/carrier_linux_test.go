// A test of the harness: which worker carries a client.

package test

import (
	"slices"
	"syscall"
	"testing"
)

// The harness finds the worker of the given client, even while the pidfile
// names a worker that has been killed: this test stops the master, so the
// pidfile stays out of date.
func TestCarrierIsOfThisClient(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, append(sparesArgs(mode, 4), serve(t, anywhere, echo).addr())...)
		p.spares(4)
		held := hold(t, p, 1)
		killed := p.lists(held)[0]
		p.freeze(p.master)
		syscall.Kill(killed, syscall.SIGKILL)
		if err := hungUp(held[0]); err != nil {
			t.Fatal(err)
		}
		await(t, "the worker's end", normalWait, func() bool { return !isOf(killed, p.bin) })

		next := hold(t, p, 1)[0]
		if !slices.Contains(p.pids(), killed) {
			t.Fatal("the pidfile is up to date, so this test shows nothing")
		}
		carrier := p.carrier(next)
		if carrier == killed {
			t.Fatalf("the session is said to be in %d, which has been killed", killed)
		}
		syscall.Kill(carrier, syscall.SIGKILL)
		if err := hungUp(next); err != nil {
			t.Errorf("its worker was killed, said to be %d: %v", carrier, err)
		}
		syscall.Kill(p.master, syscall.SIGCONT)
		p.lines(2)
	})
}
