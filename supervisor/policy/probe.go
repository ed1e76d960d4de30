// The probe: whether more workers help clients that wait although all spares are
// active. It measures what each spare does, before and after workers were added.

package policy

import "time"

// Probe is what a master knows about clients that wait although its spares are
// active. More workers help where sessions wait for their targets, and do harm
// where all processors are in use. The throughput per spare, measured after some
// were added, shows which is the case.
type Probe struct {
	samples  int // of this measurement
	since    time.Time
	sessions uint64 // ended by the spares since then

	Extra int       // the workers started last, which are on trial; set by the caller
	Rate  float64   // sessions per second and spare before they were started
	Until time.Time // no new trial before this time
}

// Samples is how many samples one measurement takes.
const Samples = 5

const (
	probePause = 10 * time.Second // from a trial that did not help until the next one
	probeWorth = 0.9              // keep the extra workers if each spare still ends at least this share of the sessions
)

// Sample takes one sample: the sessions ended since the previous sample, and the
// number of spares. It returns how many workers to start or, if negative, how many
// to retire because the last ones did not help. The caller then sets Extra to the
// number of workers that were really started.
func (c *Probe) Sample(now time.Time, sessions uint64, spares int) int {
	if c.samples == 0 { // it is unknown how long these sessions took
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

// Reset discards a measurement: no client waits, or workers start or end.
func (c *Probe) Reset() { c.samples = 0 }
