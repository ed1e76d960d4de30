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
	Assignment *Assignment // a copy on an adopted board, whose version may have fewer words
	State      *State
	Tables     Tables // this process's copy

	head              assignmentHead // this process's copy
	assignment, state []byte
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
	size, stateSize := s.Sizes()
	b := new(Board)
	var err error
	if b.assignment, err = mmap(assignment, int(size), syscall.PROT_READ|syscall.PROT_WRITE); err == nil {
		b.state, err = mmap(state, int(stateSize), syscall.PROT_READ|syscall.PROT_WRITE)
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("board: mmap: %w", err)
	}
	(*assignmentHead)(unsafe.Pointer(&b.assignment[0])).layout()
	(*State)(unsafe.Pointer(&b.state[0])).layout(s)
	b.cast()
	b.Assignment = (*Assignment)(unsafe.Pointer(&b.assignment[b.head.Settings.At]))
	b.Assignment.Generation, b.Assignment.Workers, b.Assignment.Capacity = s.Generation, s.Workers, s.Capacity
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
	b.Assignment = (*Assignment)(unsafe.Pointer(&b.assignment[b.head.Settings.At]))
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
	copy(unsafe.Slice((*byte)(unsafe.Pointer(b.Assignment)), unsafe.Sizeof(Assignment{})), b.assignment[t.At:t.end()])
	if n := uint64(b.Assignment.TargetCount); n > min(b.head.Targets.Count, b.Tables.TargetStates.Count, b.Tables.TargetTallies.Count, TargetSlots) {
		b.Close()
		return nil, fmt.Errorf("board: adopt: %d targets, expected at most %d", n, TargetSlots)
	}
	return b, nil
}

// open maps two memories, if they start like a board's and their tables lie
// inside them.
func open(assignment, state int) (*Board, error) {
	b := new(Board)
	var err error
	if b.assignment, err = mapWhole(assignment, syscall.PROT_READ, magicAssignment); err != nil {
		return nil, fmt.Errorf("board: assignment: %w", err)
	}
	if b.state, err = mapWhole(state, syscall.PROT_READ|syscall.PROT_WRITE, magicState); err != nil {
		b.Close()
		return nil, fmt.Errorf("board: state: %w", err)
	}
	b.cast()
	err = b.head.check(uint64(len(b.assignment)))
	if err == nil {
		err = b.Tables.check(uint64(len(b.state)))
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("board: %w", err)
	}
	return b, nil
}

// mapWhole maps all of a memory that starts with a magic.
func mapWhole(fd, protection int, magic uint64) ([]byte, error) {
	var s syscall.Stat_t
	if err := syscall.Fstat(fd, &s); err != nil {
		return nil, err
	}
	if s.Size < page || s.Size > 1<<34 {
		return nil, fmt.Errorf("the memory has %d bytes, expected %d to %d", s.Size, page, int64(1)<<34)
	}
	p, err := syscall.Mmap(fd, 0, int(s.Size), protection, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	if got := *(*uint64)(unsafe.Pointer(&p[0])); got != magic {
		syscall.Munmap(p)
		return nil, fmt.Errorf("magic %#x, expected %#x", got, magic)
	}
	return p, nil
}

// mmap maps a memory that holds at least size bytes: access beyond its end
// would be fatal.
func mmap(fd, size, protection int) ([]byte, error) {
	var s syscall.Stat_t
	if err := syscall.Fstat(fd, &s); err != nil {
		return nil, err
	}
	if s.Size < int64(size) {
		return nil, fmt.Errorf("holds %d bytes, expected %d", s.Size, size)
	}
	return syscall.Mmap(fd, 0, size, protection, syscall.MAP_SHARED)
}

func (b *Board) cast() {
	b.head = *(*assignmentHead)(unsafe.Pointer(&b.assignment[0]))
	b.State = (*State)(unsafe.Pointer(&b.state[0]))
	b.Tables = b.State.Tables
}

// Close unmaps the board, which must not be used afterwards.
func (b *Board) Close() {
	if b.assignment != nil {
		syscall.Munmap(b.assignment)
	}
	if b.state != nil {
		syscall.Munmap(b.state)
	}
	*b = Board{}
}

// Rule is rule i of the assignment; i must be less than MaxRules.
func (b *Board) Rule(i int) *Rule {
	return (*Rule)(unsafe.Pointer(&b.assignment[b.head.Rules.At+uint64(i)*b.head.Rules.Size]))
}

// Target is slot i of the assignment.
func (b *Board) Target(i int) *Target {
	return (*Target)(unsafe.Pointer(&b.assignment[b.head.Targets.At+uint64(i)*b.head.Targets.Size]))
}

// TargetState is the shared state of target slot i.
func (b *Board) TargetState(i int) *TargetState {
	return (*TargetState)(unsafe.Pointer(&b.state[b.Tables.TargetStates.At+uint64(i)*b.Tables.TargetStates.Size]))
}

// Column is worker slot i's totals.
func (b *Board) Column(i int) *Column {
	return (*Column)(unsafe.Pointer(&b.state[b.Tables.Columns.At+uint64(i)*b.Tables.Columns.Size]))
}

// Row is row i of worker slot w.
func (b *Board) Row(w, i int) *Row {
	n := uint64(w)*b.Tables.RowsEach + uint64(i)
	return (*Row)(unsafe.Pointer(&b.state[b.Tables.Rows.At+n*b.Tables.Rows.Size]))
}

// affinity is the whole table of remembered clients.
func (b *Board) affinity() []affinityWord {
	return unsafe.Slice((*affinityWord)(unsafe.Pointer(&b.state[b.Tables.Affinity.At])), b.Tables.Affinity.Count)
}
