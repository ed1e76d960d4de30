// Tests that idle workers, masters and shepherds cost nothing.

package test

import (
	"fmt"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Idle workers cost nothing: 1,000 of them use less than 20 ms of CPU per
// second.
func TestIdleWorkers(t *testing.T) {
	n := harness.Count(1000)
	allowed := time.Duration(n) * 20 * time.Microsecond // per second
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := append(harness.SparesArgs(mode, n), "--max-workers", fmt.Sprint(n+n/5), harness.Refusing(t))
		p := harness.Start(t, mode, args...)
		workers := p.Spares(n)
		if harness.TotalCPU(workers) == 0 {
			t.Fatal("no CPU time was counted for the workers' starts")
		}
		var used []time.Duration
		const window = 2 * time.Second
		// The first windows may still contain the ends of the starts.
		for range 5 {
			before, began := harness.TotalCPU(workers), time.Now()
			harness.Passed(window)
			used = append(used, time.Duration(float64(harness.TotalCPU(workers)-before)/time.Since(began).Seconds()))
			if used[len(used)-1] < allowed {
				break
			}
		}
		t.Logf("%d idle workers: %v of CPU a second, allowed %v", n, used, allowed)
		if used[len(used)-1] >= allowed {
			t.Errorf("%d idle workers use %v a second, not under %v", n, used, allowed)
		}
	})
}

// Without traffic, a master wakes only for its tick, ten times a second: this
// allows three context switches for each, in all its threads together. (A
// goroutine that waits for a ticker costs eight.) The shepherd has no tick.
func TestIdleMaster(t *testing.T) {
	const most = 3 * 10
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, append(harness.SparesArgs(mode, 4), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		for range 50 {
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		p.Lines(50)
		p.Spares(4)
		var master, shepherd float64 // per second
		// The first period may still contain what the sessions left to do.
		quiet := harness.HoldsWithin(15*time.Second, func() bool {
			const seconds = 2
			m, s := harness.Switches(p.Master), harness.Switches(p.Cmd.Process.Pid)
			harness.Passed(seconds * time.Second)
			master = float64(harness.Switches(p.Master)-m) / seconds
			shepherd = float64(harness.Switches(p.Cmd.Process.Pid)-s) / seconds
			return master <= most && shepherd <= 1
		})
		t.Logf("context switches a second: master %.1f, shepherd %.1f", master, shepherd)
		if !quiet {
			t.Errorf("want at most %d and 1", most)
		}
	})
}
