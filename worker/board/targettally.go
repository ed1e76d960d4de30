package board

import (
	"sync/atomic"
	"unsafe"
)

// TargetTally is what has been counted of one target slot, in a table of its
// own. All workers add to it, and so does the master for sessions that a killed
// worker has left. At a handover the counts move to the next generation's board:
// what stands on all living boards together is the slot's total.
type TargetTally struct {
	Connects Times         // from accept until it was connected, counted then
	BytesIn  atomic.Uint64 // of ended sessions, read from clients
	BytesOut atomic.Uint64 // of ended sessions, read from the target

	// What the master has shown of sums that live sessions are in; only it
	// writes them (see Metrics).
	ShownIn, ShownOut atomic.Uint64

	_ [24]byte
}

// TargetTally is target slot i's; nil on a board of an older layout.
func (b *Board) TargetTally(i int) *TargetTally {
	if b.State.TargetTallyAt == 0 || i >= MaxTargets || b.State.TargetTallySize < uint64(unsafe.Sizeof(TargetTally{})) {
		return nil
	}
	return (*TargetTally)(unsafe.Pointer(&b.state[b.State.TargetTallyAt+uint64(i)*b.State.TargetTallySize]))
}

// NoteConnect counts how long it took to connect the target; nil counts nothing.
func (t *TargetTally) NoteConnect(ns int64) {
	if t != nil {
		t.Connects.Note(&ConnectBounds, ns)
	}
}

// NoteBytes counts an ended session's; nil counts nothing.
func (t *TargetTally) NoteBytes(in, out uint64) {
	if t != nil {
		t.BytesIn.Add(in)
		t.BytesOut.Add(out)
	}
}

// Move adds all counts to those of the same target on the next board, and sets
// them to 0: no count is lost that a worker adds meanwhile.
func (t *TargetTally) Move(to *TargetTally) {
	if t == nil || to == nil {
		return
	}
	for i := range t.Connects.Counts {
		to.Connects.Counts[i].Add(t.Connects.Counts[i].Swap(0))
	}
	for _, word := range [...]struct{ to, from *atomic.Uint64 }{
		{&to.Connects.Sum, &t.Connects.Sum}, {&to.BytesIn, &t.BytesIn}, {&to.BytesOut, &t.BytesOut},
	} {
		word.to.Add(word.from.Swap(0))
	}
	to.ShownIn.Store(max(to.ShownIn.Load(), t.ShownIn.Load()))
	to.ShownOut.Store(max(to.ShownOut.Load(), t.ShownOut.Load()))
}
