// Tests of the probe with a simulated clock: it adds workers where that helps,
// removes those that do not help, and decides nothing before a measurement is
// complete.

package policy

import (
	"math/rand/v2"
	"testing"
	"time"
)

// every is how often a master samples.
const every = 100 * time.Millisecond

// play simulates a plug with this many spares for a number of ticks and takes a
// sample at each. done returns how many sessions that many spares end between two
// samples.
func (c *Probe) play(now *time.Time, ticks, spares int, done func(spares int) uint64) (after, tried int) {
	for range ticks {
		*now = now.Add(every)
		n := c.Sample(*now, done(spares), spares)
		if spares += n; n > 0 {
			c.Extra = n
			tried += n
		}
	}
	return spares, tried
}

// Where each spare does the same amount of work however many there are, their
// number grows within seconds to the number of waiting clients.
func TestProbeGrows(t *testing.T) {
	var c Probe
	now := time.Unix(1e9, 0)
	const clients = 100
	if n, _ := c.play(&now, 150, 4, func(spares int) uint64 { return 20 * uint64(min(spares, clients)) }); n < clients*9/10 || n > clients*5/4 {
		t.Errorf("%d spares after 15 s for %d clients", n, clients)
	}
}

// Where the spares share a fixed capacity, more workers are tried repeatedly, and
// are retired again.
func TestProbeOfBusyProcessors(t *testing.T) {
	var c Probe
	now := time.Unix(1e9, 0)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	trials := 0
	for range 60 {
		n, tried := c.play(&now, 100, 4, func(int) uint64 { return 980 + random.Uint64N(40) })
		trials += tried
		n, _ = c.play(&now, 2*Samples, n, func(int) uint64 { return 1000 })
		if n > 5 {
			t.Fatalf("%d spares stay", n)
		}
	}
	if trials < 40 || trials > 80 {
		t.Errorf("%d trials in 11 min, want one about every %v", trials, probePause)
	}
}

// If the workers asked for could not be started, a lower throughput says nothing
// about them: they are asked for again at once.
func TestProbeWithoutHelp(t *testing.T) {
	var c Probe
	now := time.Unix(1e9, 0)
	for i := range uint64(5) {
		n := 0
		for range Samples + 1 {
			now = now.Add(every)
			n = c.Sample(now, 1000>>i, 4)
		}
		if n != 1 {
			t.Fatalf("measure %d: %d wanted", i, n)
		}
	}
}

// A single sample decides nothing, nor do sessions from before clients waited.
func TestProbeNeedsTime(t *testing.T) {
	var c Probe
	now := time.Unix(1e9, 0)
	for range 20 {
		if n, _ := c.play(&now, Samples, 4, func(int) uint64 { return 1000 }); n != 4 {
			t.Fatalf("%d spares after %d samples", n, Samples)
		}
		c.Reset()
	}
	for range 20 {
		if n := c.Sample(now, 5, 4); n != 0 { // the clock stands still
			t.Fatalf("%d in no time", n)
		}
	}
}
