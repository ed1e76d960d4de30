// Tests that idle workers, masters and shepherds cost nothing.

package test

import (
	"fmt"
	"testing"
	"time"
)

// Idle workers cost nothing: 1,000 of them use less than 20 ms of CPU per
// second.
func TestIdleWorkers(t *testing.T) {
	n := count(1000)
	allowed := time.Duration(n) * 20 * time.Microsecond // per second
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := append(sparesArgs(mode, n), "--max-workers", fmt.Sprint(n+n/5), refusing(t))
		p := start(t, mode, args...)
		workers := p.spares(n)
		if total(workers) == 0 {
			t.Fatal("no CPU time was counted for the workers' starts")
		}
		var used []time.Duration
		const window = 2 * time.Second
		// The first windows may still contain the ends of the starts.
		for range 5 {
			before, began := total(workers), time.Now()
			passed(window)
			used = append(used, time.Duration(float64(total(workers)-before)/time.Since(began).Seconds()))
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

func total(workers []process) (sum time.Duration) {
	for _, w := range workers {
		sum += cpu(w.pid)
	}
	return sum
}

// Without traffic, a master wakes only for its tick, ten times a second: this
// allows three context switches for each, in all its threads together. (A
// goroutine that waits for a ticker costs eight.) The shepherd has no tick.
func TestIdleMaster(t *testing.T) {
	const most = 3 * 10
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, append(sparesArgs(mode, 4), serve(t, anywhere, echo).addr())...)
		for range 50 {
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
		}
		p.lines(50)
		p.spares(4)
		var master, shepherd float64 // per second
		// The first period may still contain what the sessions left to do.
		quiet := holdsWithin(15*time.Second, func() bool {
			const seconds = 2
			m, s := switches(p.master), switches(p.cmd.Process.Pid)
			passed(seconds * time.Second)
			master = float64(switches(p.master)-m) / seconds
			shepherd = float64(switches(p.cmd.Process.Pid)-s) / seconds
			return master <= most && shepherd <= 1
		})
		t.Logf("context switches a second: master %.1f, shepherd %.1f", master, shepherd)
		if !quiet {
			t.Errorf("want at most %d and 1", most)
		}
	})
}
