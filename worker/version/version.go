//go:build !fixture

// Package version has the version numbers of everything that one process of
// plug hands to another.
//
// A change of a layout or a message raises its number. What is only added at
// the end, into a reserve, keeps the oldest number; anything else raises that,
// too, and then an upgrade from the program before is refused. The golden files
// beside each layout and message show which of the two it is.
package version

const (
	Board       = 5 // layout of the board (worker/board)
	OldestBoard = 4 // the oldest that a new master adopts

	Doorbell = 2 // records of the report pipe (worker/report); all have the same form

	Handover       = 4 // messages between the masters of an upgrade (supervisor)
	OldestHandover = 3

	Control = 1 // requests and replies of the control socket (supervisor/control)
)
