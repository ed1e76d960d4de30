// A test that a new master brings enough workers.

package upgrade

import (
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// When a new master takes over, it has workers for as many clients as the old
// one had recently, plus the same number of spares: so no client waits for a
// worker to start.
func TestUpgradeBringsWorkers(t *testing.T) {
	const spares, sessions = 3, 12
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, "--spares", "3:64", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, sessions)
		p.Lists(held)
		p.Spares(spares)
		harness.Passed(500 * time.Millisecond) // some ticks, which count the busy workers
		old := p.Errors()
		p.Upgrade(harness.NextVersion)
		harness.Await(t, "the new master's word", harness.NormalWait, func() bool { return len(p.Said(harness.SaidUpgraded)) == 1 })
		before, _, _ := strings.Cut(strings.TrimPrefix(p.Errors(), old), "plug: upgraded: ")
		if n := strings.Count(before, "plug: worker started: "); n < spares+sessions {
			t.Errorf("%d workers were started before the new master took over, want %d", n, spares+sessions)
		}
		for _, c := range held {
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
	}, "fork", "prefork") // a pool has a worker per core, however many clients come
}
