// Tests of the tally: the bounds of its buckets, and one tally for each
// worker.

package board

import (
	"testing"
	"time"
	"unsafe"
)

func TestBounds(t *testing.T) {
	for name, b := range map[string]*Bounds{"durations": &DurationBounds, "connects": &ConnectBounds} {
		for i, most := range b {
			if i > 0 && most <= b[i-1] {
				t.Errorf("%s: bound %d is not above the one before", name, i)
			}
			if b.Bucket(most) != i || b.Bucket(most+1) != i+1 {
				t.Errorf("%s: %d ns is in class %d, a ns more in %d", name, most, b.Bucket(most), b.Bucket(most+1))
			}
		}
		if b.Bucket(-5) != 0 || b.Bucket(1<<62) != Buckets-1 {
			t.Errorf("%s: out of bounds", name)
		}
	}
}

// Every worker slot has its own tally, and each count is stored in its place.
func TestTally(t *testing.T) {
	b, _, _ := made(t, Shape{Generation: 1, Workers: 9, Capacity: 3})
	if n := unsafe.Sizeof(Tally{}); n%64 != 0 {
		t.Errorf("a tally has %d bytes: workers would share a cache line", n)
	}
	for i := range 9 {
		tally := b.Tally(i)
		for range i {
			tally.NoteSession(&Snapshot{BeginAt: 1, Closed: 1 + int64(2*time.Second)})
			tally.Ends.Note(Cut, ByTarget)
			tally.BellOverflows.Add(1)
			tally.LinesRetried.Add(1)
		}
		tally.NoteSession(&Snapshot{BeginAt: 5, Closed: 5})
	}
	for i := range 9 {
		x := b.Tally(i)
		if x.Durations.Counts[5].Load() != uint64(i) || x.Durations.Counts[0].Load() != 1 || x.Ends.By(ByTarget) != uint64(i) || x.Ends[Cut][ByTarget].Load() != uint64(i) ||
			x.Durations.Sum.Load() != uint64(2*i)*uint64(time.Second) || x.BellOverflows.Load() != uint64(i) || x.LinesRetried.Load() != uint64(i) {
			t.Errorf("tally %d: %+v", i, x)
		}
		x.Clear()
		if *(*[unsafe.Sizeof(Tally{})]byte)(unsafe.Pointer(x)) != [unsafe.Sizeof(Tally{})]byte{} {
			t.Errorf("tally %d is not cleared", i)
		}
	}
}
