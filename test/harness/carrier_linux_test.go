// A test of the harness: which worker carries a client.

package harness

import (
	"slices"
	"syscall"
	"testing"
)

// The harness finds the worker of the given client, even while the pidfile
// names a worker that has been killed: this test stops the master, so the
// pidfile stays out of date.
func TestCarrierIsOfThisClient(t *testing.T) {
	ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := StartDaemon(t, mode, append(SparesArgs(mode, 4), Serve(t, Anywhere, Echo).Addr())...)
		p.Spares(4)
		held := Hold(t, p, 1)
		killed := p.Lists(held)[0]
		StopProcess(t, p.Master)
		syscall.Kill(killed, syscall.SIGKILL)
		if err := HungUp(held[0]); err != nil {
			t.Fatal(err)
		}
		Await(t, "the worker's end", NormalWait, func() bool { return !IsOf(killed, p.Bin) })

		next := Hold(t, p, 1)[0]
		if !slices.Contains(p.PIDs(), killed) {
			t.Fatal("the pidfile is up to date, so this test shows nothing")
		}
		carrier := p.Carrier(next)
		if carrier == killed {
			t.Fatalf("the session is said to be in %d, which has been killed", killed)
		}
		syscall.Kill(carrier, syscall.SIGKILL)
		if err := HungUp(next); err != nil {
			t.Errorf("its worker was killed, said to be %d: %v", carrier, err)
		}
		syscall.Kill(p.Master, syscall.SIGCONT)
		p.Lines(2)
	})
}
