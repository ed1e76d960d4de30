// An assignment in memory: the first one of a board, and those that replace it
// when the master changes what workers follow.

package board

import (
	"fmt"
	"syscall"
	"unsafe"

	"daemon/plug/worker/version"
)

// Assigned is an assignment, mapped. A live change is a new assignment with the
// next epoch, in a memory of its own: nothing that a worker reads ever changes,
// and a stopped worker keeps what it had. State.Epoch says which one is valid.
type Assigned struct {
	Assignment *Assignment // a copy on an adopted board, whose version may have fewer words

	head   assignmentHead // this process's copy
	memory []byte
}

// MakeAssigned lays out an assignment for a board of this shape in a memory that
// contains only zeros and has the shape's size. The caller keeps the descriptor.
func MakeAssigned(s Shape, fd int) (a Assigned, err error) {
	size, _ := s.Sizes()
	if a.memory, err = mapAll(fd, syscall.PROT_READ|syscall.PROT_WRITE, size); err != nil {
		return a, fmt.Errorf("board: assignment: %w", err)
	}
	(*assignmentHead)(unsafe.Pointer(&a.memory[0])).layout()
	a.cast()
	a.Assignment.Generation, a.Assignment.Workers, a.Assignment.Capacity = s.Generation, s.Workers, s.Capacity
	return a, nil
}

// OpenAssigned maps an assignment read-only for a worker of the same version. The
// caller keeps the descriptor.
func OpenAssigned(fd int) (Assigned, error) {
	a, err := openAssigned(fd)
	if err == nil && a.head.Version != version.Board {
		err = fmt.Errorf("board: version %d, expected %d", a.head.Version, version.Board)
		a.Close()
	}
	return a, err
}

// openAssigned maps an assignment read-only, if it starts like one and its tables
// lie inside the memory.
func openAssigned(fd int) (a Assigned, err error) {
	if a.memory, err = mapAll(fd, syscall.PROT_READ, page); err != nil {
		return a, fmt.Errorf("board: assignment: %w", err)
	}
	a.head = *(*assignmentHead)(unsafe.Pointer(&a.memory[0]))
	if got := a.head.Magic; got != magicAssignment {
		err = fmt.Errorf("assignment: magic %#x, expected %#x", got, uint64(magicAssignment))
	} else {
		err = a.head.check(uint64(len(a.memory)))
	}
	if err != nil {
		a.Close()
		return a, fmt.Errorf("board: %w", err)
	}
	a.cast()
	return a, nil
}

// cast copies the head, and finds the settings.
func (a *Assigned) cast() {
	a.head = *(*assignmentHead)(unsafe.Pointer(&a.memory[0]))
	a.Assignment = (*Assignment)(unsafe.Pointer(&a.memory[a.head.Settings.At]))
}

// Close unmaps the assignment.
func (a *Assigned) Close() {
	if a.memory != nil {
		syscall.Munmap(a.memory)
	}
	*a = Assigned{}
}

// Follow replaces the board's assignment by a later one of the same generation and
// shape, and unmaps the one before. Otherwise it returns an error, and next is still
// the caller's.
func (b *Board) Follow(next Assigned) error {
	was, is := b.Assignment, next.Assignment
	if is.Generation != was.Generation || is.Workers != was.Workers || is.Capacity != was.Capacity {
		return fmt.Errorf("board: an assignment for generation %d with %d workers of %d sessions; expected %d, %d, %d",
			is.Generation, is.Workers, is.Capacity, was.Generation, was.Workers, was.Capacity)
	}
	if int32(is.Epoch-was.Epoch) <= 0 {
		return fmt.Errorf("board: assignment of epoch %d, but %d is in use", is.Epoch, was.Epoch)
	}
	b.Assigned.Close()
	b.Assigned = next
	return nil
}

// Behind reports whether a newer assignment is valid than the one that this process
// has.
func (b *Board) Behind() bool { return b.State.Epoch.Load() != b.Assignment.Epoch }

// Rule is rule i of the assignment; i must be less than MaxRules.
func (a *Assigned) Rule(i int) *Rule { return element[Rule](a.memory, &a.head.Rules, uint64(i)) }

// Target is slot i of the assignment.
func (a *Assigned) Target(i int) *Target {
	return element[Target](a.memory, &a.head.Targets, uint64(i))
}

// Places returns how many places the rotation has.
func (a *Assigned) Places() int {
	if n := int(a.Assignment.OrderCount); n != 0 {
		return n
	}
	return int(a.Assignment.TargetCount)
}

// SlotAt returns the target slot at a place of the rotation.
func (a *Assigned) SlotAt(place int) int {
	if a.Assignment.OrderCount == 0 {
		return place
	}
	return int(*element[uint32](a.memory, &a.head.Order, uint64(place)))
}

// SetOrder stores the target slots in the order of the rotation. Nothing is stored
// if that is the order of all slots.
func (a *Assigned) SetOrder(slots []int) {
	own := len(slots) != int(a.Assignment.TargetCount)
	for place, slot := range slots {
		*element[uint32](a.memory, &a.head.Order, uint64(place)) = uint32(slot)
		own = own || slot != place
	}
	a.Assignment.OrderCount = 0
	if own {
		a.Assignment.OrderCount = uint32(len(slots))
	}
}
