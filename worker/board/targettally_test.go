// A test of the targets' counts: they move to the next board completely.

package board

import "testing"

// All counts of a target move to the next board, including those that workers
// add meanwhile, and the sums that were shown never decrease.
func TestTargetTallyMoves(t *testing.T) {
	from, _, _ := made(t, Shape{Generation: 1, Workers: 2, Capacity: 1})
	to, _, _ := made(t, Shape{Generation: 2, Workers: 2, Capacity: 1})
	a, b := from.TargetTally(3), to.TargetTally(7)
	const each = 10_000
	done := make(chan bool)
	for range 2 {
		go func() {
			for range each {
				a.NoteConnect(3 * ms)
				a.NoteBytes(2, 5)
			}
			done <- true
		}()
	}
	a.ShownIn.Store(100)
	b.ShownOut.Store(7)
	for left := 2; left > 0; {
		select {
		case <-done:
			left--
		default:
			a.Move(b)
		}
	}
	a.Move(b)
	bucket := ConnectBounds.Bucket(3 * ms)
	if n := b.Connects.Counts[bucket].Load(); n != 2*each || b.Connects.Sum.Load() != uint64(2*each*3*ms) {
		t.Errorf("%d connects, %d ns", n, b.Connects.Sum.Load())
	}
	if b.BytesIn.Load() != 2*2*each || b.BytesOut.Load() != 2*5*each || a.BytesIn.Load() != 0 || a.Connects.Sum.Load() != 0 {
		t.Errorf("%d bytes in, %d out; %d are left behind", b.BytesIn.Load(), b.BytesOut.Load(), a.BytesIn.Load())
	}
	if b.ShownIn.Load() != 100 || b.ShownOut.Load() != 7 {
		t.Errorf("shown: %d, %d", b.ShownIn.Load(), b.ShownOut.Load())
	}
	if from.TargetTally(NoTarget) != nil {
		t.Error("a tally of no target")
	}
}
