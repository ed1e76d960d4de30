package test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Idle workers cost nothing: 1,000 of them under 20 ms of CPU a second.
func TestIdleWorkers(t *testing.T) {
	n := count(1000)
	allowed := time.Duration(n) * 20 * time.Microsecond // a second
	forEachMode(t, func(t *testing.T, mode string) {
		args := append(sparesArgs(mode, n), "--max-workers", fmt.Sprint(n+n/5), refusing(t))
		p := start(t, mode, args...)
		workers := p.spares(n)
		if total(workers) == 0 {
			t.Fatal("no CPU time was counted for the workers' starts")
		}
		var used []time.Duration
		const window = 2 * time.Second
		// The first windows may still hold the ends of the starts.
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

// A master without traffic wakes for its tick, ten times a second, and for
// nothing else. What a tick costs is Go's and this kernel's affair, several
// switches each; so a bare Go program with the same tick and nothing else runs
// beside it. Its own figure is unsteady, so the master may have up to 1.75 times
// that, of all threads together: less than a second thing at the tick's pace
// would add. The shepherd has no tick at all.
func TestIdleMaster(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		p := start(t, mode, append(sparesArgs(mode, 4), serve(t, anywhere, echo).addr())...)
		for range 50 {
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
		}
		p.lines(50)
		p.spares(4)
		bare := exec.Command(os.Args[0])
		bare.Env = append(os.Environ(), tickerEnv+"=1")
		if err := bare.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { bare.Process.Kill(); bare.Wait() })

		pids := []int{p.master, p.cmd.Process.Pid, bare.Process.Pid}
		var rates [3]float64 // a second: master, shepherd, bare ticker
		// The first ones may still hold what the sessions left to do.
		if !holdsWithin(15*time.Second, func() bool {
			const seconds = 2
			var before [3]int
			for i, pid := range pids {
				before[i] = switches(pid)
			}
			passed(seconds * time.Second)
			for i, pid := range pids {
				rates[i] = float64(switches(pid)-before[i]) / seconds
			}
			return rates[0] <= 1.75*rates[2]+2 && rates[1] <= 1
		}) {
			t.Errorf("context switches a second: master %.1f, shepherd %.1f, a bare tick %.1f", rates[0], rates[1], rates[2])
			return
		}
		t.Logf("context switches a second: master %.1f, shepherd %.1f, a bare tick %.1f", rates[0], rates[1], rates[2])
	})
}

// tickerEnv makes the test binary the bare ticker, which TestMain runs.
const tickerEnv = "PLUG_TEST_TICKER"

func tickForEver() {
	for range time.Tick(100 * time.Millisecond) {
		os.Getppid()
	}
}
