package worker

import "time"

// clock reads both clocks with one look: the wall's, and the monotonic one that
// all processes of this host share (clock_gettime(2) CLOCK_MONOTONIC).
type clock struct {
	from time.Time
	base int64 // CLOCK_MONOTONIC at from, ns

	wall int64 // Unix ns, at the last look
	mono int64 // ns, at the last look
}

func (c *clock) start() {
	c.from = time.Now()
	c.base = monotonic()
	c.look()
}

func (c *clock) look() {
	now := time.Now()
	c.wall = now.UnixNano()
	c.mono = c.base + int64(now.Sub(c.from))
}

// ms is the board's clock.
func (c *clock) ms() uint64 { return boardMs(c.mono) }

func boardMs(mono int64) uint64 { return uint64(mono / int64(time.Millisecond)) }
