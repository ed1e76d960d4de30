// Package memory makes the two memories of a board, for the master; workers map
// what they inherit.
package memory

import (
	"fmt"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

// New makes a board and returns it with its two descriptors, assignment and
// state, which the caller owns and passes to workers. The caller fills in the
// assignment and then seals both with Seal.
func New(s board.Shape) (b *board.Board, assignment, state int, err error) {
	_, stateSize := s.Sizes()
	if assignment, err = allocateAssignment(s); err != nil {
		return nil, -1, -1, err
	}
	state, err = allocate("plug-state", stateSize)
	if err != nil {
		unix.Close(assignment)
		return nil, -1, -1, fmt.Errorf("board: state of %d bytes: %w", stateSize, err)
	}
	if b, err = board.Make(s, assignment, state); err != nil {
		unix.Close(assignment)
		unix.Close(state)
		return nil, -1, -1, err
	}
	return b, assignment, state, nil
}

// NewAssignment makes an assignment that is to replace one of a board of this shape,
// and returns it with its descriptor, which the caller owns and passes to workers. The
// caller fills it in and then seals it with SealAssignment.
func NewAssignment(s board.Shape) (a board.Assigned, fd int, err error) {
	if fd, err = allocateAssignment(s); err != nil {
		return a, -1, err
	}
	if a, err = board.MakeAssigned(s, fd); err != nil {
		unix.Close(fd)
		return a, -1, err
	}
	return a, fd, nil
}

func allocateAssignment(s board.Shape) (fd int, err error) {
	size, _ := s.Sizes()
	if fd, err = allocate("plug-assignment", size); err != nil {
		return -1, fmt.Errorf("board: assignment of %d bytes: %w", size, err)
	}
	return fd, nil
}
