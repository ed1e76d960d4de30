// Where the tables lie in the two memories: laying them out, and checking the
// heads of a memory that another process has made.

package board

import (
	"fmt"
	"unsafe"

	"daemon/plug/worker/version"
)

// A process also maps the memory of other versions: it takes all places, sizes
// and counts from the heads, and refuses elements that are shorter than its
// own.

const (
	orderSince = 6 // the version whose assignment has an order

	page    = 4096
	largest = 1 << 34 // bytes of a memory
)

func align(n uint64, to uint64) uint64 { return (n + to - 1) &^ (to - 1) }

// put lays out a table of count elements of a size at the next multiple of to,
// and sets next to the table's end.
func put(t *table, next *uint64, size uintptr, count uint64, to uint64) {
	*t = table{At: align(*next, to), Size: uint64(size), Count: count}
	*next = t.end()
}

// layout fills in the head.
func (h *assignmentHead) layout() {
	h.Magic, h.Version = magicAssignment, version.Board
	next := uint64(unsafe.Sizeof(assignmentHead{}))
	put(&h.Settings, &next, unsafe.Sizeof(Assignment{}), 1, 64)
	put(&h.Rules, &next, unsafe.Sizeof(Rule{}), MaxRules, 64)
	put(&h.Targets, &next, unsafe.Sizeof(Target{}), TargetSlots, 64)
	put(&h.Order, &next, unsafe.Sizeof(uint32(0)), TargetSlots, 64)
	h.Size = align(next, page)
}

// layout fills in where the tables of the state lie, and its size.
func (h *State) layout(s Shape) {
	h.Magic, h.Version, h.Generation = magicState, version.Board, s.Generation
	t, next := &h.Tables, uint64(unsafe.Sizeof(State{}))
	t.Workers, t.RowsEach = uint64(s.Workers), uint64(s.Capacity)+SpareRows
	put(&t.TargetStates, &next, unsafe.Sizeof(TargetState{}), TargetSlots, page)
	put(&t.Affinity, &next, unsafe.Sizeof(affinityWord{}), AffinityEntries, page)
	put(&t.Columns, &next, unsafe.Sizeof(Column{}), t.Workers, page)
	put(&t.Rows, &next, unsafe.Sizeof(Row{}), t.Workers*t.RowsEach, page)
	put(&t.Tallies, &next, unsafe.Sizeof(Tally{}), t.Workers, page)
	put(&t.TargetTallies, &next, unsafe.Sizeof(TargetTally{}), TargetSlots, page)
	h.Size = align(next, page)
}

// Sizes returns the sizes of a board's two memories, in bytes.
func (s Shape) Sizes() (assignment, state int64) {
	var h assignmentHead
	var g State
	h.layout()
	g.layout(s)
	return int64(h.Size), int64(g.Size)
}

// check returns an error unless the parts of the assignment lie in a memory of
// this size.
func (h *assignmentHead) check(size uint64) error {
	if h.Settings.Count != 1 {
		return fmt.Errorf("assignment: %d parts with settings, expected 1", h.Settings.Count)
	}
	if err := h.Settings.fits("settings", size, 1); err != nil {
		return err
	}
	if err := h.Rules.fits("rules", size, unsafe.Sizeof(Rule{})); err != nil {
		return err
	}
	if err := h.Targets.fits("targets", size, unsafe.Sizeof(Target{})); err != nil || h.Version < orderSince {
		return err
	}
	return h.Order.fits("order", size, unsafe.Sizeof(uint32(0)))
}

// check returns an error unless the tables of the state lie in a memory of
// this size and match each other.
func (t *Tables) check(size uint64) error {
	for _, c := range []struct {
		name    string
		t       *table
		element uintptr
	}{
		{"marks", &t.TargetStates, unsafe.Sizeof(TargetState{})},
		{"affinity", &t.Affinity, unsafe.Sizeof(affinityWord{})},
		{"columns", &t.Columns, unsafe.Sizeof(Column{})},
		{"rows", &t.Rows, unsafe.Sizeof(Row{})},
		{"tallies", &t.Tallies, unsafe.Sizeof(Tally{})},
		{"target tallies", &t.TargetTallies, unsafe.Sizeof(TargetTally{})},
	} {
		if err := c.t.fits(c.name, size, c.element); err != nil {
			return err
		}
	}
	if t.Workers > 1<<16 || t.RowsEach > 1<<20 || t.Columns.Count != t.Workers || t.Tallies.Count != t.Workers ||
		t.Rows.Count != t.Workers*t.RowsEach {
		return fmt.Errorf("state: %d workers of %d rows, with %d columns, %d rows and %d tallies", t.Workers, t.RowsEach, t.Columns.Count,
			t.Rows.Count, t.Tallies.Count)
	}
	if t.Affinity.Size != uint64(unsafe.Sizeof(affinityWord{})) || t.Affinity.Count%affinityWays != 0 || t.Affinity.Count == 0 {
		return fmt.Errorf("state: %d affinity entries of %d bytes", t.Affinity.Count, t.Affinity.Size)
	}
	return nil
}

// fits returns an error if the table ends beyond its memory, if its elements
// are shorter than element bytes, or if they are too large for any version.
func (t *table) fits(name string, size uint64, element uintptr) error {
	if t.Size < uint64(element) || t.Size > page {
		return fmt.Errorf("%s: elements of %d bytes, expected from %d to %d", name, t.Size, element, page)
	}
	if t.Count > size || t.At > size || t.end() > size {
		return fmt.Errorf("%s: %d elements of %d bytes at %d, in a memory of %d", name, t.Count, t.Size, t.At, size)
	}
	return nil
}
