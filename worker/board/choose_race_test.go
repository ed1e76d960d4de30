// Tests of Choose under contention: many goroutines at once, as workers do it.

package board

import (
	"sync"
	"sync/atomic"
	"testing"
)

// chooseAtOnce runs goroutines that choose targets at the same time, the given number
// of times each, and counts the targets that they got.
func chooseAtOnce(b *Board, goroutines, each int, now uint64) []int {
	counts := make([]atomic.Int64, int(b.Assignment.TargetCount))
	start := make(chan struct{})
	var g sync.WaitGroup
	for id := range goroutines {
		g.Go(func() {
			<-start
			from := client(id)
			for range each {
				if slot, ok := b.Choose(&Tried{}, &from, now); ok {
					counts[slot].Add(1)
				}
			}
		})
	}
	close(start)
	g.Wait()
	out := make([]int, len(counts))
	for i := range counts {
		out[i] = int(counts[i].Load())
	}
	return out
}

func TestRotationStaysFair(t *testing.T) {
	const goroutines, each = 8, 4000
	for _, n := range []int{1, 2, 3, 7, 64} {
		b := with(t, n, 0)
		counts := chooseAtOnce(b, goroutines, each, 1)
		low, high, sum := counts[0], counts[0], 0
		for _, c := range counts {
			low, high, sum = min(low, c), max(high, c), sum+c
		}
		if sum != goroutines*each {
			t.Errorf("%d targets: %d choices of %d", n, sum, goroutines*each)
		}
		if high-low > goroutines {
			t.Errorf("%d targets: between %d and %d sessions each, want a difference of at most %d: %v", n, low, high, goroutines, counts)
		}
	}
}

// While there are good targets, a failed one is never chosen, however much
// contention there is.
func TestNobodyTriesAFailedOne(t *testing.T) {
	for _, failed := range []int{0, 1, 2} {
		b := with(t, 3, 0)
		b.Assignment.RetryAfter = 60
		b.Fail(failed, 100_000)
		if counts := chooseAtOnce(b, 8, 8000, 101_000); counts[failed] != 0 {
			t.Errorf("target %d is failed, and was tried: %v", failed, counts)
		}
	}
}

// Only one session probes a target that is due again.
func TestOneProbe(t *testing.T) {
	for _, options := range []uint32{0, OptOrdered} {
		for range 20 {
			b := with(t, 3, options)
			b.Assignment.RetryAfter = 60
			b.Fail(0, 100_000)
			if counts := chooseAtOnce(b, 8, 50, 160_000); counts[0] != 1 {
				t.Fatalf("options %b: %d probes: %v", options, counts[0], counts)
			}
			if counts := chooseAtOnce(b, 1, 9, 219_000); counts[0] != 0 {
				t.Fatalf("options %b: probed again before its time", options)
			}
			b.Close()
		}
	}
}
