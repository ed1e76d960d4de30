//go:build !fixture

package board

import (
	"testing"
	"unsafe"
)

// What version 3 added stays where it is, too.
func TestNewerOffsetsStay(t *testing.T) {
	var r Row
	var c Column
	for name, o := range map[string][2]uintptr{
		"Row.Cause":     {unsafe.Offsetof(r.Cause), 88},
		"Row.Moved":     {unsafe.Offsetof(r.Moved), 96},
		"Row.First":     {unsafe.Offsetof(r.First), 104},
		"Column.Causes": {unsafe.Offsetof(c.Causes), 128},
	} {
		if o[0] != o[1] {
			t.Errorf("%s lies at %d, was at %d", name, o[0], o[1])
		}
	}
}

// The rows of version 1 are shorter: what lies behind one is the next one's.
func TestSnapshotOfAShorterRow(t *testing.T) {
	const size = 96 // of version 1
	var rows [2 * size / 8]uint64
	first := (*Row)(unsafe.Pointer(&rows[0]))
	for i := size / 8; i < len(rows); i++ {
		rows[i] = ^uint64(0)
	}
	first.Hold()
	var s Snapshot
	if !first.Snapshot(&s) || s.Cause != 0 || s.Moved != 0 || s.First != 0 {
		t.Errorf("the next row's words: %+v", s)
	}
}

func TestCausesOfAnOlderBoard(t *testing.T) {
	b, _, _ := made(t, Shape{Workers: 2, Capacity: 1})
	if b.Causes(1) == nil {
		t.Fatal("none in this version")
	}
	for _, size := range []uint64{128, 192} { // of versions 1 and 2
		b.ColumnSize = size
		if b.Causes(0) != nil {
			t.Errorf("causes in a column of %d bytes", size)
		}
	}
}
