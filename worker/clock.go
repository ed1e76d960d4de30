// The time, the same for all processes of the plug.

package worker

import (
	"math"
	"time"
)

// clock gets both times with one reading: wall-clock time, and the monotonic time that
// all processes of this host share (clock_gettime(2) CLOCK_MONOTONIC).
type clock struct {
	from time.Time
	base int64 // CLOCK_MONOTONIC at from, ns

	wall int64 // Unix ns, at the last reading
	mono int64 // ns, at the last reading
}

const (
	clockGap = 10 * time.Microsecond // most between two readings, unless something interrupted them
	starts   = 20                    // tries to get them this close; otherwise the closest counts
)

// start determines the offset between Go's clock and shared, which is CLOCK_MONOTONIC in
// ns. The two can't be read at the same time, and a worker that was preempted for some
// milliseconds in between would be that far ahead of all others for its whole life.
func (c *clock) start(shared func() int64) {
	closest := int64(math.MaxInt64)
	for range starts {
		before, from := shared(), time.Now()
		width := shared() - before
		if width < closest {
			closest, c.from, c.base = width, from, before+width/2
		}
		if closest < int64(clockGap) {
			break
		}
	}
	c.read()
}

func (c *clock) read() {
	now := time.Now()
	c.wall = now.UnixNano()
	c.mono = c.base + int64(now.Sub(c.from))
}

// now is the monotonic time without a reading that others see: other goroutines may read
// meanwhile.
func (c *clock) now() int64 { return c.base + int64(time.Since(c.from)) }

// ms is the time as the board has it.
func (c *clock) ms() uint64 { return boardMs(c.mono) }

func boardMs(mono int64) uint64 { return uint64(mono / int64(time.Millisecond)) }
