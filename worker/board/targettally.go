// The counts of each target: connect times and bytes, and how they move to the
// next generation's board.

package board

import "sync/atomic"

// TargetTally holds the counts of one target slot, in a table of its own. All
// workers add to it, and so does the master for the sessions of a killed
// worker. At a handover the counts move to the next generation's board: the
// slot's total is the sum over all boards that are still in use.
type TargetTally struct {
	Connects Histogram     // from accept until it was connected; counted at the connect
	BytesIn  atomic.Uint64 // of ended sessions, read from clients
	BytesOut atomic.Uint64 // of ended sessions, read from the target

	// What the master has shown of sums that include live sessions; only the
	// master writes them (see Metrics).
	ShownIn, ShownOut atomic.Uint64

	_ [88]byte
}

// NoteConnect counts how long it took to connect the target.
func (t *TargetTally) NoteConnect(ns int64) { t.Connects.Note(&ConnectBounds, ns) }

// NoteBytes counts an ended session's bytes; a nil t is ignored.
func (t *TargetTally) NoteBytes(in, out uint64) {
	if t != nil {
		t.BytesIn.Add(in)
		t.BytesOut.Add(out)
	}
}

// Move adds all counts to those of the same target on the next board, and sets
// them to 0. No count that a worker adds meanwhile is lost.
func (t *TargetTally) Move(to *TargetTally) {
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
