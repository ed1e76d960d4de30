// The probe: whether more workers help clients that wait beside busy spares. It
// measures what each spare does, before and after workers were added.

package policy

import "time"

// Probe is what a master knows of clients that wait although its spares are at
// work. More workers help where sessions wait for their targets, and are a
// burden where the processors are all in use; which it is shows what each spare
// gets done once there are more of them.
type Probe struct {
	samples  int // of this measure
	since    time.Time
	sessions uint64 // that spares have ended since

	Extra int       // workers that came last and are on trial; set by the caller
	Rate  float64   // sessions per second and spare before them
	Until time.Time // no more are tried before then
}

// Samples is how many samples make a measure.
const Samples = 5

const (
	probePause = 10 * time.Second // from a trial that did not help to the next one
	probeWorth = 0.9              // of the sessions that each spare ended with a quarter less of them
)

// Sample takes what one look has found: sessions ended since the one before, and
// the spares there are. It returns how many workers to start, or, below zero, how
// many to let go since the last ones were no help. How many of those wanted came
// is then told by setting Extra.
func (c *Probe) Sample(now time.Time, sessions uint64, spares int) int {
	if c.samples == 0 { // what was ended before nobody has timed
		c.samples, c.since, c.sessions = 1, now, 0
		return 0
	}
	c.samples++
	c.sessions += sessions
	took := now.Sub(c.since)
	if c.samples <= Samples || took <= 0 {
		return 0
	}
	c.samples = 0
	rate := float64(c.sessions) / took.Seconds() / float64(spares)
	joined := c.Extra
	c.Extra = 0
	switch {
	case joined > 0 && rate < probeWorth*c.Rate:
		c.Until = now.Add(probePause)
		return -joined
	case now.Before(c.Until):
		return 0
	}
	c.Rate = rate
	return (spares + 3) / 4
}

// Reset ends a measure: nobody waits, or workers come and go.
func (c *Probe) Reset() { c.samples = 0 }
