package board

import (
	"fmt"
	"syscall"
	"unsafe"
)

// Board is one generation's two memories, mapped.
type Board struct {
	Assignment        *Assignment
	State             *State
	assignment, state []byte
}

// Shape says how large a board is.
type Shape struct {
	Generation uint32
	Workers    uint32 // worker slots
	Capacity   uint32 // sessions of each at a time
}

const page = 4096

func align(n uint64, to uint64) uint64 { return (n + to - 1) &^ (to - 1) }

// layout fills in where the tables of the state lie, and its size.
func (h *State) layout(s Shape) {
	h.Magic, h.Version, h.Generation = magicState, version, s.Generation
	h.Workers, h.Capacity = s.Workers, s.Capacity
	h.MarkAt, h.MarkSize = align(uint64(unsafe.Sizeof(State{})), page), uint64(unsafe.Sizeof(Mark{}))
	h.AffinityAt = h.MarkAt + MaxTargets*h.MarkSize
	h.ColumnAt, h.ColumnSize = align(h.AffinityAt+Affinities*8, page), uint64(unsafe.Sizeof(Column{}))
	h.RowAt, h.RowSize = align(h.ColumnAt+uint64(s.Workers)*h.ColumnSize, page), uint64(unsafe.Sizeof(Row{}))
	h.Rows = uint64(s.Capacity) + Ledger
	end := align(h.RowAt+uint64(s.Workers)*h.Rows*h.RowSize, page)
	if version >= tallyVersion {
		h.TallyAt, h.TallySize = end, uint64(unsafe.Sizeof(Tally{}))
		end = align(end+uint64(s.Workers)*h.TallySize, page)
		h.TargetTallyAt, h.TargetTallySize = end, uint64(unsafe.Sizeof(TargetTally{}))
		end = align(end+MaxTargets*h.TargetTallySize, page)
	}
	h.Size = end
}

// Sizes are those of a board's two memories, in bytes.
func (s Shape) Sizes() (assignment, state int64) {
	var h State
	h.layout(s)
	return int64(align(uint64(unsafe.Sizeof(Assignment{})), page)), int64(h.Size)
}

// Make makes a board in two memories of its shape's sizes, which are all zeros.
// The assignment is yet to be filled in. The descriptors stay the caller's.
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
	b.cast()
	b.State.layout(s)
	a := b.Assignment
	a.Magic, a.Version = magicAssignment, version
	a.Generation, a.Size = s.Generation, uint64(size)
	a.Workers, a.Capacity = s.Workers, s.Capacity
	a.RuleAt, a.RuleSize = uint64(unsafe.Offsetof(a.RuleTable)), uint64(unsafe.Sizeof(Rule{}))
	a.TargetAt, a.TargetSize = uint64(unsafe.Offsetof(a.TargetTable)), uint64(unsafe.Sizeof(Target{}))
	return b, nil
}

// Open maps the board of a worker: the assignment to read, the state to write.
// The descriptors stay the caller's.
func Open(assignment, state int) (*Board, error) {
	size := int(align(uint64(unsafe.Sizeof(Assignment{})), page))
	b := new(Board)
	var err error
	if b.assignment, err = mmap(assignment, size, syscall.PROT_READ); err != nil {
		return nil, fmt.Errorf("board: assignment: %w", err)
	}
	a := (*Assignment)(unsafe.Pointer(&b.assignment[0]))
	if a.Magic != magicAssignment || a.Version < version {
		err = fmt.Errorf("board: assignment has magic %#x, version %d; expected %#x, %d", a.Magic, a.Version, uint64(magicAssignment), version)
		b.Close()
		return nil, err
	}
	var h State
	h.layout(Shape{Workers: a.Workers, Capacity: a.Capacity})
	if b.state, err = mmap(state, int(h.Size), syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		b.Close()
		return nil, fmt.Errorf("board: state: %w", err)
	}
	b.cast()
	if g := b.State; g.Magic != magicState || g.Version < version || g.Size < h.Size {
		err = fmt.Errorf("board: state has magic %#x, version %d, %d bytes; expected %#x, %d, %d", g.Magic, g.Version, g.Size, uint64(magicState), version, h.Size)
		b.Close()
		return nil, err
	}
	return b, nil
}

// Adopt maps the board of another master's generation, of whatever version: the
// assignment to read, the state to write. The descriptors stay the caller's.
func Adopt(assignment, state int) (*Board, error) {
	b := new(Board)
	var err error
	if b.assignment, err = mapWhole(assignment, syscall.PROT_READ, magicAssignment); err == nil {
		b.state, err = mapWhole(state, syscall.PROT_READ|syscall.PROT_WRITE, magicState)
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("board: adopt: %w", err)
	}
	b.cast()
	h, size := b.State, uint64(len(b.state))
	a := b.Assignment
	rows := uint64(h.Workers) * h.Rows
	ends := []uint64{h.MarkAt + MaxTargets*h.MarkSize, h.AffinityAt + Affinities*8,
		h.ColumnAt + uint64(h.Workers)*h.ColumnSize, h.RowAt + rows*h.RowSize, h.TallyAt + uint64(h.Workers)*h.TallySize,
		h.TargetTallyAt + MaxTargets*h.TargetTallySize}
	for _, end := range ends {
		if end > size || h.Workers > 1<<16 || h.Rows > 1<<20 || h.RowSize > page || h.ColumnSize > page || h.MarkSize > page || h.TallySize > page ||
			h.TargetTallySize > page {
			b.Close()
			return nil, fmt.Errorf("board: adopt: a table ends at %d of %d bytes", end, size)
		}
	}
	if end := a.TargetAt + MaxTargets*a.TargetSize; end > uint64(len(b.assignment)) {
		b.Close()
		return nil, fmt.Errorf("board: adopt: the targets end at %d of %d bytes", end, len(b.assignment))
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
		return nil, fmt.Errorf("the memory has only %d bytes", s.Size)
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

// mmap maps a memory that holds at least size bytes: beyond its end a look
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
	b.Assignment = (*Assignment)(unsafe.Pointer(&b.assignment[0]))
	b.State = (*State)(unsafe.Pointer(&b.state[0]))
}

// Close unmaps the board; nothing of it may be used any more.
func (b *Board) Close() {
	if b.assignment != nil {
		syscall.Munmap(b.assignment)
	}
	if b.state != nil {
		syscall.Munmap(b.state)
	}
	*b = Board{}
}

// Target is slot i of the assignment.
func (b *Board) Target(i int) *Target {
	return (*Target)(unsafe.Pointer(&b.assignment[b.Assignment.TargetAt+uint64(i)*b.Assignment.TargetSize]))
}

// Mark is what is shared about target slot i.
func (b *Board) Mark(i int) *Mark {
	return (*Mark)(unsafe.Pointer(&b.state[b.State.MarkAt+uint64(i)*b.State.MarkSize]))
}

// Column is worker slot i's totals.
func (b *Board) Column(i int) *Column {
	return (*Column)(unsafe.Pointer(&b.state[b.State.ColumnAt+uint64(i)*b.State.ColumnSize]))
}

// Row is row i of worker slot w.
func (b *Board) Row(w, i int) *Row {
	n := uint64(w)*b.State.Rows + uint64(i)
	return (*Row)(unsafe.Pointer(&b.state[b.State.RowAt+n*b.State.RowSize]))
}
