//go:build !fixture

// Package version has the version numbers of everything that one process of
// plug passes to another.
//
// A change of a layout or a message raises its number. If the change only adds
// words to a reserve, the oldest number stays. Any other change raises that,
// too, and then an upgrade from the previous program is refused. The golden
// files of each layout and message show which of the two it is.
package version

const (
	Board       = 6 // layout of the board (worker/board)
	OldestBoard = 4 // the oldest that a new master adopts

	Doorbell = 2 // records of the report pipe (worker/report); all have the same form

	Handover       = 4 // messages between the masters of an upgrade (supervisor/handover)
	OldestHandover = 3

	Control = 1 // requests and replies of the control socket (supervisor/control)
)
