package supervisor

import "time"

// probe is what a master has seen of clients that wait although its spares are
// at work. More workers help where sessions wait for their targets, and are a
// burden where the processors are all in use; which it is shows what each spare
// gets done once there are more of them.
type probe struct {
	samples  int // of this measure
	since    time.Time
	sessions uint64 // that spares have ended since

	extra int       // workers that came last, and have to prove their worth
	rate  float64   // sessions a second and spare before they were
	until time.Time // no more are tried before
}

const (
	probeSamples = 5                // ticks of a measure
	probePause   = 10 * time.Second // from a trial that did not help to the next one
	probeWorth   = 0.9              // of the sessions that each spare ended with a quarter less of them
)

// sample takes what one look has found: sessions ended since the one before, and
// the spares there are. It returns how many workers to start, or, below zero, how
// many to let go since the last ones were no help. How many of those wanted came
// is then told by setting joined.
func (c *probe) sample(now time.Time, sessions uint64, spares int) int {
	if c.samples == 0 { // what was ended before nobody has timed
		c.samples, c.since, c.sessions = 1, now, 0
		return 0
	}
	c.samples++
	c.sessions += sessions
	took := now.Sub(c.since)
	if c.samples <= probeSamples || took <= 0 {
		return 0
	}
	c.samples = 0
	rate := float64(c.sessions) / took.Seconds() / float64(spares)
	joined := c.extra
	c.extra = 0
	switch {
	case joined > 0 && rate < probeWorth*c.rate:
		c.until = now.Add(probePause)
		return -joined
	case now.Before(c.until):
		return 0
	}
	c.rate = rate
	return (spares + 3) / 4
}

// reset ends a measure: nobody waits, or workers come and go.
func (c *probe) reset() { c.samples = 0 }
