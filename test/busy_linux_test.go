// A test that a busy worker uses one thread.

package test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A busy worker uses one thread: the runtime's monitor, and the threads that
// it wakes to preempt the loop's thread, cause only a few context switches per
// second. (With timers that are late by 10 ms it would be 85, for each of many
// workers.)
func TestBusyWorker(t *testing.T) {
	harness.LinuxEngineOnly(t, "its loop is many goroutines")
	const most = 45 // per second
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		c := harness.Dial(t, p.Addr())
		pings := 0
		for began := time.Now(); time.Since(began) < 500*time.Millisecond; pings++ { // until it has settled
			harness.MustPing(t, c)
		}
		busiest, worker := 0, 0
		for _, w := range p.Workers() {
			if n := harness.Switches(w.PID); n > busiest {
				busiest, worker = n, w.PID
			}
		}
		var n float64
		for range 3 { // a busy machine may sometimes add some; a late timer always does
			before, began := othersSwitches(worker), time.Now()
			for time.Since(began) < time.Second {
				harness.MustPing(t, c)
			}
			n = float64(othersSwitches(worker)-before) / time.Since(began).Seconds()
			t.Logf("%d pings before; the other threads switch %.0f times a second", pings, n)
			if n <= most {
				return
			}
		}
		t.Errorf("the other threads switch %.0f times a second, at most %d are due", n, most)
	})
}

// othersSwitches is the number of context switches so far of all threads of a
// process except the first.
func othersSwitches(pid int) int {
	return harness.Switches(pid) - harness.SwitchesOf(filepath.Join("/proc", strconv.Itoa(pid), "task", strconv.Itoa(pid)))
}
