// The time, as all processes of the plug have it.

package worker

import (
	"math"
	"time"
)

// clock reads both clocks with one look: the wall's, and the monotonic one that
// all processes of this host share (clock_gettime(2) CLOCK_MONOTONIC).
type clock struct {
	from time.Time
	base int64 // CLOCK_MONOTONIC at from, ns

	wall int64 // Unix ns, at the last look
	mono int64 // ns, at the last look
}

const (
	clockGap = 10 * time.Microsecond // are two looks in a row, unless something got in between
	starts   = 20                    // tries to have them so close; else the closest counts
)

// start finds out how Go's clock and shared, CLOCK_MONOTONIC in ns, compare. They
// can't be read at once, and a worker that was put off for some milliseconds in
// between would be so much ahead of all others for its whole life.
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

// now is the monotonic time without a look for others, who may look meanwhile.
func (c *clock) now() int64 { return c.base + int64(time.Since(c.from)) }

// ms is the board's clock.
func (c *clock) ms() uint64 { return boardMs(c.mono) }

func boardMs(mono int64) uint64 { return uint64(mono / int64(time.Millisecond)) }
