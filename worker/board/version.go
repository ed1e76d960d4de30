//go:build !fixture

package board

import "sync/atomic"

// version is the layouts' own. What follows grows them: a part of each row is
// yet unused.
const (
	version  = 3
	rowSpare = 16
)

// rowMore is what version 3 added to a row. Its first word lies where a row of
// version 1 has room too, and always 0: the rest is read only if it is not.
type rowMore struct {
	Cause   atomic.Uint32 // a Cause; its stage from the row's first store on
	Counted atomic.Uint32 // 1: it ended and its column has it, but the row still owes its line
	Moved   atomic.Uint64 // the board's ms when the session last moved bytes, either way
	First   atomic.Int64  // monotonic ns of the target's first byte; 0 not yet
}

// columnMore is what version 3 added to a column: room.
type columnMore struct {
	_ [128]byte
}
