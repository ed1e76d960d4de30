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
	size, stateSize := s.Sizes()
	assignment, err = allocate("plug-assignment", size)
	if err != nil {
		return nil, -1, -1, fmt.Errorf("board: assignment of %d bytes: %w", size, err)
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
