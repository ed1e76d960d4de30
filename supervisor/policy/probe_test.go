// Tests of the probe with a clock of their own: it grows a plug where that helps,
// takes back what does not help, and tells nothing before a measure is complete.

package policy

import (
	"math/rand/v2"
	"testing"
	"time"
)

// every is how often a master samples.
const every = 100 * time.Millisecond

// play has a plug of so many spares looked at every tick for a while. done says
// how many sessions that many spares end between two looks.
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

// Where each spare does as much however many there are, they become as many as
// clients wait for; within seconds.
func TestCrowdGrows(t *testing.T) {
	var c Probe
	now := time.Unix(1e9, 0)
	const clients = 100
	if n, _ := c.play(&now, 150, 4, func(spares int) uint64 { return 20 * uint64(min(spares, clients)) }); n < clients*9/10 || n > clients*5/4 {
		t.Errorf("%d spares after 15 s for %d clients", n, clients)
	}
}

// Where they share what there is, more are tried again and again, and don't stay.
func TestCrowdOfBusyProcessors(t *testing.T) {
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

// Where those asked for did not come, doing less is no verdict on them: they are
// asked for again at once.
func TestCrowdWithoutHelp(t *testing.T) {
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

// One look alone tells nothing, nor do those of before nobody waited.
func TestCrowdNeedsTime(t *testing.T) {
	var c Probe
	now := time.Unix(1e9, 0)
	for range 20 {
		if n, _ := c.play(&now, Samples, 4, func(int) uint64 { return 1000 }); n != 4 {
			t.Fatalf("%d spares after %d looks", n, Samples)
		}
		c.Reset()
	}
	for range 20 {
		if n := c.Sample(now, 5, 4); n != 0 { // the clock stands still
			t.Fatalf("%d in no time", n)
		}
	}
}
