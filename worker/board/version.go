//go:build !fixture

package board

import (
	"sync/atomic"
	"unsafe"
)

// version is the layouts' own. What follows grows them: a part of each row is
// yet unused.
const (
	version  = 3
	rowSpare = 16
)

// rowMore is what version 3 added to a row. Its first word lies where a row of
// version 1 has room too, and always 0: the rest is read only if it is not.
type rowMore struct {
	Cause atomic.Uint32 // a Cause; its stage from the row's first store on
	_     uint32
	Moved atomic.Uint64 // the board's ms when the session last moved bytes, either way
	First atomic.Int64  // monotonic ns of the target's first byte; 0 not yet
}

// columnMore is what version 3 added to a column.
type columnMore struct {
	Causes [Whos]atomic.Uint64 // sessions by who ended them
}

// Causes is worker slot i's count of sessions by who ended them; nil on the
// board of a version without.
func (b *Board) Causes(i int) *[Whos]atomic.Uint64 {
	if b.ColumnSize < uint64(unsafe.Offsetof(Column{}.Causes)+unsafe.Sizeof(Column{}.Causes)) {
		return nil
	}
	return &b.Column(i).Causes
}
