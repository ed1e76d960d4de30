// A test that a new master brings enough workers.

package test

import (
	"strings"
	"testing"
	"time"
)

// When a new master takes over, it has workers for as many clients as the old
// one had recently, plus the same number of spares: so no client waits for a
// worker to start.
func TestUpgradeBringsWorkers(t *testing.T) {
	const spares, sessions = 3, 12
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, "--spares", "3:64", serve(t, anywhere, echo).addr())
		held := hold(t, p, sessions)
		p.lists(held)
		p.spares(spares)
		passed(500 * time.Millisecond) // some ticks, which count the busy workers
		old := p.errors()
		p.upgrade(nextOne)
		await(t, "the new master's word", normalWait, func() bool { return len(p.said(saidUpgraded)) == 1 })
		before, _, _ := strings.Cut(strings.TrimPrefix(p.errors(), old), "plug: upgraded: ")
		if n := strings.Count(before, "plug: worker started: "); n < spares+sessions {
			t.Errorf("%d workers were started before the new master took over, want %d", n, spares+sessions)
		}
		for _, c := range held {
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
	}, "fork", "prefork") // a pool has a worker per core, however many clients come
}
