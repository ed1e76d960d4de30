package worker

import (
	"testing"
	"time"
)

// Workers compare their times with each other's, and one may be put off between
// its two looks when it begins.
func TestClockIsShared(t *testing.T) {
	for _, put := range []struct {
		name string
		at   int // the look that is late
	}{{"never", 0}, {"before the first look", 1}, {"between two looks", 2}, {"between two looks again", 4}} {
		t.Run(put.name, func(t *testing.T) {
			looks := 0
			var c clock
			c.start(func() int64 {
				if looks++; looks == put.at {
					for end := monotonic() + int64(20*time.Millisecond); monotonic() < end; {
					}
				}
				return monotonic()
			})
			before := monotonic()
			c.read()
			after := monotonic()
			const skew = int64(10 * time.Millisecond)
			if c.mono < before-skew || c.mono > after+skew {
				t.Errorf("%v, when the shared clock is between %v and %v", time.Duration(c.mono), time.Duration(before), time.Duration(after))
			}
		})
	}
}
