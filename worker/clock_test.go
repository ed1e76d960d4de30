// A worker's clock agrees with the kernel's.

package worker

import (
	"testing"
	"time"

	"daemon/plug/worker/kernel"
)

// Workers compare their times with each other's, and a worker may be preempted between
// its two readings of the clock when it starts.
func TestClockIsShared(t *testing.T) {
	for _, put := range []struct {
		name string
		at   int // the reading that is late
	}{{"never", 0}, {"before the first look", 1}, {"between two looks", 2}, {"between two looks again", 4}} {
		t.Run(put.name, func(t *testing.T) {
			looks := 0
			var c clock
			c.start(func() int64 {
				if looks++; looks == put.at {
					for end := kernel.Monotonic() + int64(20*time.Millisecond); kernel.Monotonic() < end; {
					}
				}
				return kernel.Monotonic()
			})
			before := kernel.Monotonic()
			c.read()
			after := kernel.Monotonic()
			const skew = int64(10 * time.Millisecond)
			if c.mono < before-skew || c.mono > after+skew {
				t.Errorf("%v, when the shared clock is between %v and %v", time.Duration(c.mono), time.Duration(before), time.Duration(after))
			}
		})
	}
}
