package board

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

const cacheLine = 64

// Every process maps the layout as it is, 32-bit builds too: a 64-bit word
// that is not aligned to 8 bytes could be torn or fault.
func TestEveryWordIsAligned(t *testing.T) {
	for _, v := range []any{Assignment{}, State{}, Mark{}, Column{}, Row{}, Tally{}, TargetTally{}} {
		walk(reflect.TypeOf(v), 0, fmt.Sprintf("%T", v), func(name string, f reflect.Type, at uintptr) {
			if size := f.Size(); at%size != 0 {
				t.Errorf("%s: %d bytes at offset %d", name, size, at)
			}
		})
	}
}

// walk visits the numbers of a structure, with their offsets.
func walk(v reflect.Type, at uintptr, name string, visit func(string, reflect.Type, uintptr)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			walk(f.Type, at+f.Offset, name+"."+f.Name, visit)
		}
	case reflect.Array: // one element, and the next, stand for all
		for i := range min(2, v.Len()) {
			walk(v.Elem(), at+uintptr(i)*v.Elem().Size(), name, visit)
		}
	default:
		visit(name, v, at)
	}
}

func TestNoHiddenPointer(t *testing.T) {
	for _, v := range []any{Assignment{}, State{}, Mark{}, Column{}, Row{}, Tally{}, TargetTally{}} {
		walk(reflect.TypeOf(v), 0, fmt.Sprintf("%T", v), func(name string, f reflect.Type, _ uintptr) {
			switch f.Kind() {
			case reflect.Pointer, reflect.String, reflect.Slice, reflect.Map, reflect.Int, reflect.Uint, reflect.Uintptr, reflect.UnsafePointer:
				t.Errorf("%s is a %s: another process can't read it", name, f)
			}
		})
	}
}

// What one worker writes all the time shares no cache line with what another
// one writes.
func TestCacheLines(t *testing.T) {
	var h State
	attention, rotation := unsafe.Offsetof(h.Attention), unsafe.Offsetof(h.Rotation)
	last := unsafe.Offsetof(h.RowSize)
	lines := []uintptr{last / cacheLine, attention / cacheLine, rotation / cacheLine, unsafe.Sizeof(h) / cacheLine}
	for i := 1; i < len(lines); i++ {
		if lines[i] == lines[i-1] {
			t.Errorf("line %d holds two of: the header's table (to %d), Attention (%d), Rotation (%d), what follows (%d)",
				lines[i], last, attention, rotation, unsafe.Sizeof(h))
		}
	}
	for name, size := range map[string]uintptr{"Mark": unsafe.Sizeof(Mark{}), "Row": unsafe.Sizeof(Row{}), "Column": unsafe.Sizeof(Column{}),
		"TargetTally": unsafe.Sizeof(TargetTally{})} {
		if size%cacheLine != 0 {
			t.Errorf("a %s takes %d bytes, not whole cache lines", name, size)
		}
	}
	if affinityWays*8 != cacheLine {
		t.Errorf("a bucket takes %d bytes", affinityWays*8)
	}
}

// Layouts only ever grow: what a newer one adds stands behind, and these
// offsets, which an older worker knows, stay.
func TestOffsetsStay(t *testing.T) {
	var a Assignment
	var h State
	var r Row
	var c Column
	var m Mark
	for name, o := range map[string][2]uintptr{
		"Mark.Errno":             {unsafe.Offsetof(m.Errno), 28},
		"Mark.Failing":           {unsafe.Offsetof(m.Failing), 32},
		"Mark.LastFailure":       {unsafe.Offsetof(m.LastFailure), 40},
		"Assignment.TargetAt":    {unsafe.Offsetof(a.TargetAt), 40},
		"Assignment.Options":     {unsafe.Offsetof(a.Options), 56},
		"Assignment.AffinityKey": {unsafe.Offsetof(a.AffinityKey), 88},
		"Assignment.RuleCount":   {unsafe.Offsetof(a.RuleCount), 1812},
		"Assignment.TargetTable": {unsafe.Offsetof(a.TargetTable), 26396},
		"State.Gate":             {unsafe.Offsetof(h.Gate), 128},
		"State.Deaf":             {unsafe.Offsetof(h.Deaf), 140},
		"State.Attention":        {unsafe.Offsetof(h.Attention), 256},
		"State.MarkAt":           {unsafe.Offsetof(h.MarkAt), 32},
		"State.RowSize":          {unsafe.Offsetof(h.RowSize), 80},
		"Row.Client":             {unsafe.Offsetof(r.Client), 24},
		"Row.Closed":             {unsafe.Offsetof(r.Closed), 80},
		"Column.BytesIn":         {unsafe.Offsetof(c.BytesIn), 72},
	} {
		if o[0] != o[1] {
			t.Errorf("%s lies at %d, was at %d", name, o[0], o[1])
		}
	}
}

func TestTablesLieInside(t *testing.T) {
	for _, s := range []Shape{{1, 1, 1}, {2, 4096, 1}, {3, 10, 3000}, {4, 7, 13}} {
		var h State
		h.layout(s)
		tables := []struct {
			name     string
			from, to uint64
		}{
			{"header", 0, uint64(unsafe.Sizeof(h))},
			{"marks", h.MarkAt, h.MarkAt + MaxTargets*h.MarkSize},
			{"affinity", h.AffinityAt, h.AffinityAt + Affinities*8},
			{"columns", h.ColumnAt, h.ColumnAt + uint64(s.Workers)*h.ColumnSize},
			{"rows", h.RowAt, h.RowAt + uint64(s.Workers)*uint64(s.Capacity)*h.RowSize},
			{"tallies", h.TallyAt, h.TallyAt + uint64(s.Workers)*h.TallySize},
			{"target tallies", h.TargetTallyAt, h.TargetTallyAt + MaxTargets*h.TargetTallySize},
			{"end", h.Size, h.Size},
		}
		for i, table := range tables[1:] {
			if before := tables[i]; table.from < before.to {
				t.Errorf("%+v: %s begins at %d, %s ends at %d", s, table.name, table.from, before.name, before.to)
			}
			if table.from%cacheLine != 0 {
				t.Errorf("%+v: %s begins at %d", s, table.name, table.from)
			}
		}
		if h.Size%page != 0 {
			t.Errorf("%+v: %d bytes are no whole pages", s, h.Size)
		}
	}
}

func TestText(t *testing.T) {
	var text Text
	for _, s := range []string{"", "119", strings.Repeat("n", len(text.Buf))} {
		if text.Set(s); text.String() != s {
			t.Errorf("%q came back as %q", s, text.String())
		}
	}
	text.Set(strings.Repeat("x", len(text.Buf)+9))
	if len(text.String()) != len(text.Buf) {
		t.Errorf("a long text has %d bytes, room is for %d", len(text.String()), len(text.Buf))
	}
	text.Len = 1 << 30 // whoever wrote that: reading stays inside
	if len(text.String()) != len(text.Buf) {
		t.Errorf("a text with a wrong length has %d bytes", len(text.String()))
	}
}
