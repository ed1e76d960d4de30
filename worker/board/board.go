// The Board type: it creates, opens, adopts and unmaps a generation's two
// memories, and finds the elements of their tables.

package board

import (
	"fmt"
	"syscall"
	"unsafe"

	"daemon/plug/worker/version"
)

// Board is one generation's two memories, mapped.
type Board struct {
	Assigned
	State  *State
	Tables Tables // this process's copy

	state []byte
}

// Shape says how large a board is.
type Shape struct {
	Generation uint32
	Workers    uint32 // worker slots
	Capacity   uint32 // sessions of each at a time
}

// Make lays out a board of this shape in two memories that contain only zeros
// and have the shape's sizes. The assignment is not filled in yet. The caller
// keeps the descriptors.
func Make(s Shape, assignment, state int) (*Board, error) {
	_, stateSize := s.Sizes()
	a, err := MakeAssigned(s, assignment)
	if err != nil {
		return nil, err
	}
	b := &Board{Assigned: a}
	if err := b.mapState(state, stateSize); err != nil {
		b.Close()
		return nil, err
	}
	b.State.layout(s)
	b.Tables = b.State.Tables
	return b, nil
}

// Open maps the board for a worker of the same version: the assignment
// read-only, the state writable. The caller keeps the descriptors.
func Open(assignment, state int) (*Board, error) {
	b, err := open(assignment, state)
	if err != nil {
		return nil, err
	}
	if h := &b.head; h.Version != version.Board || b.State.Version != version.Board {
		err = fmt.Errorf("board: version %d and %d, expected %d", h.Version, b.State.Version, version.Board)
		b.Close()
		return nil, err
	}
	return b, nil
}

// Adopt maps the board of another master's generation, which may be of another
// version: the assignment read-only, the state writable. The caller keeps the
// descriptors.
func Adopt(assignment, state int) (*Board, error) {
	b, err := open(assignment, state)
	if err != nil {
		return nil, err
	}
	if h := &b.head; h.Version < version.OldestBoard || b.State.Version != h.Version {
		err = fmt.Errorf("board: adopt: version %d and %d, expected %d or later", h.Version, b.State.Version, version.OldestBoard)
		b.Close()
		return nil, err
	}
	t := &b.head.Settings
	b.Assignment = new(Assignment)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(b.Assignment)), unsafe.Sizeof(Assignment{})), b.memory[t.At:t.end()])
	if n := uint64(b.Assignment.TargetCount); n > min(b.head.Targets.Count, b.Tables.TargetStates.Count, b.Tables.TargetTallies.Count, TargetSlots) {
		b.Close()
		return nil, fmt.Errorf("board: adopt: %d targets, expected at most %d", n, TargetSlots)
	}
	return b, nil
}

// open maps two memories, if they start like a board's and their tables lie
// inside them.
func open(assignment, state int) (*Board, error) {
	a, err := openAssigned(assignment)
	if err != nil {
		return nil, err
	}
	b := &Board{Assigned: a}
	if err = b.mapState(state, page); err != nil {
		b.Close()
		return nil, err
	}
	if got := b.State.Magic; got != magicState {
		err = fmt.Errorf("state: magic %#x, expected %#x", got, uint64(magicState))
	} else {
		err = b.Tables.check(uint64(len(b.state)))
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("board: %w", err)
	}
	return b, nil
}

// mapState maps the state, which must have at least this size, and copies its
// tables.
func (b *Board) mapState(fd int, least int64) (err error) {
	if b.state, err = mapAll(fd, syscall.PROT_READ|syscall.PROT_WRITE, least); err != nil {
		return fmt.Errorf("board: state: %w", err)
	}
	b.State = (*State)(unsafe.Pointer(&b.state[0]))
	b.Tables = b.State.Tables
	return nil
}

// mapAll maps all of a memory, which must have at least this size: access beyond its end
// would be fatal.
func mapAll(fd, protection int, least int64) ([]byte, error) {
	var s syscall.Stat_t
	if err := syscall.Fstat(fd, &s); err != nil {
		return nil, err
	}
	if s.Size < least || s.Size > largest {
		return nil, fmt.Errorf("the memory has %d bytes, expected %d to %d", s.Size, least, int64(largest))
	}
	return syscall.Mmap(fd, 0, int(s.Size), protection, syscall.MAP_SHARED)
}

// Close unmaps the board, which must not be used afterwards.
func (b *Board) Close() {
	b.Assigned.Close()
	if b.state != nil {
		syscall.Munmap(b.state)
	}
	*b = Board{}
}

// element is element n of a table in its memory. The sizes are those of this process's
// copy of the heads, and an element beyond the memory panics.
func element[T any](memory []byte, t *table, n uint64) *T {
	return (*T)(unsafe.Pointer(&memory[t.At+n*t.Size]))
}

// TargetState is the shared state of target slot i.
func (b *Board) TargetState(i int) *TargetState {
	return element[TargetState](b.state, &b.Tables.TargetStates, uint64(i))
}

// Column is worker slot i's totals.
func (b *Board) Column(i int) *Column { return element[Column](b.state, &b.Tables.Columns, uint64(i)) }

// Row is row i of worker slot w.
func (b *Board) Row(w, i int) *Row {
	return element[Row](b.state, &b.Tables.Rows, uint64(w)*b.Tables.RowsEach+uint64(i))
}

// Tally is worker slot i's.
func (b *Board) Tally(i int) *Tally { return element[Tally](b.state, &b.Tables.Tallies, uint64(i)) }

// TargetTally is target slot i's; nil for a session without a target.
func (b *Board) TargetTally(i int) *TargetTally {
	if t := &b.Tables.TargetTallies; uint64(i) < t.Count {
		return element[TargetTally](b.state, t, uint64(i))
	}
	return nil
}

// affinity is the whole table of remembered clients.
func (b *Board) affinity() []affinityWord {
	return unsafe.Slice(element[affinityWord](b.state, &b.Tables.Affinity, 0), b.Tables.Affinity.Count)
}

// affinityBucket is bucket i of that table.
func (b *Board) affinityBucket(i uint64) *[affinityWays]affinityWord {
	return element[[affinityWays]affinityWord](b.state, &b.Tables.Affinity, i*affinityWays)
}
