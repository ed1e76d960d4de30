//go:build !fixture

package board

import (
	"testing"
	"unsafe"
)

// What version 3 added stays where it is, too.
func TestNewerOffsetsStay(t *testing.T) {
	var r Row
	var h State
	for name, o := range map[string][2]uintptr{
		"Row.Cause":           {unsafe.Offsetof(r.Cause), 88},
		"Row.Moved":           {unsafe.Offsetof(r.Moved), 96},
		"Row.First":           {unsafe.Offsetof(r.First), 104},
		"Column":              {unsafe.Sizeof(Column{}), 256},
		"State.TargetTallyAt": {unsafe.Offsetof(h.TargetTallyAt), 112},
		"Tally.Ends":          {unsafe.Offsetof(Tally{}.Ends), 320},
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

// The tallies of older versions are shorter, and there are none by target.
func TestCountsOfAnOlderBoard(t *testing.T) {
	b, _, _ := made(t, Shape{Workers: 2, Capacity: 1})
	if b.Ends(1) == nil || b.TargetTally(MaxTargets-1) == nil {
		t.Fatal("none in this version")
	}
	b.State.TallySize, b.State.TargetTallyAt = 320, 0
	if b.Ends(0) != nil || b.TargetTally(0) != nil {
		t.Error("counts that have no place on the board")
	}
	b.Ends(0).Note(Cut, ByClient)
	b.TargetTally(0).NoteConnect(1)
	b.TargetTally(0).NoteBytes(1, 1)
}
