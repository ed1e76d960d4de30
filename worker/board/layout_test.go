// Tests of the layout: alignment, cache lines, no pointers, tables in bounds.

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
// that is not 8-byte aligned could be torn or cause a fault.
func TestEveryWordIsAligned(t *testing.T) {
	for _, v := range []any{assignmentHead{}, Assignment{}, Rule{}, Target{}, State{}, TargetState{}, Column{}, Row{}, Tally{}, TargetTally{}} {
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
	case reflect.Array: // one element and the next are enough
		for i := range min(2, v.Len()) {
			walk(v.Elem(), at+uintptr(i)*v.Elem().Size(), name, visit)
		}
	default:
		visit(name, v, at)
	}
}

func TestNoHiddenPointer(t *testing.T) {
	for _, v := range []any{assignmentHead{}, Assignment{}, Rule{}, Target{}, State{}, TargetState{}, Column{}, Row{}, Tally{}, TargetTally{}} {
		walk(reflect.TypeOf(v), 0, fmt.Sprintf("%T", v), func(name string, f reflect.Type, _ uintptr) {
			switch f.Kind() {
			case reflect.Pointer, reflect.String, reflect.Slice, reflect.Map, reflect.Int, reflect.Uint, reflect.Uintptr, reflect.UnsafePointer:
				t.Errorf("%s is a %s: another process can't read it", name, f)
			}
		})
	}
}

// The words that one worker writes often share no cache line with those of
// another worker.
func TestCacheLines(t *testing.T) {
	var h State
	attention, rotation := unsafe.Offsetof(h.Attention), unsafe.Offsetof(h.Rotation)
	last := unsafe.Offsetof(h.Gate) - 1
	lines := []uintptr{last / cacheLine, attention / cacheLine, rotation / cacheLine, unsafe.Sizeof(h) / cacheLine}
	for i := 1; i < len(lines); i++ {
		if lines[i] == lines[i-1] {
			t.Errorf("line %d holds two of: the head (to %d), Attention (%d), Rotation (%d), what follows (%d)",
				lines[i], last, attention, rotation, unsafe.Sizeof(h))
		}
	}
	for name, size := range map[string]uintptr{"Mark": unsafe.Sizeof(TargetState{}), "Row": unsafe.Sizeof(Row{}), "Column": unsafe.Sizeof(Column{}),
		"TargetTally": unsafe.Sizeof(TargetTally{})} {
		if size%cacheLine != 0 {
			t.Errorf("a %s takes %d bytes, not whole cache lines", name, size)
		}
	}
	if affinityWays*8 != cacheLine {
		t.Errorf("a bucket takes %d bytes", affinityWays*8)
	}
}

func TestTablesLieInside(t *testing.T) {
	for _, s := range []Shape{{1, 1, 1}, {2, 4096, 1}, {3, 10, 3000}, {4, 7, 13}} {
		var h State
		h.layout(s)
		x := &h.Tables
		tables := []struct {
			name     string
			from, to uint64
		}{
			{"head", 0, uint64(unsafe.Sizeof(h))},
			{"marks", x.TargetStates.At, x.TargetStates.At + TargetSlots*x.TargetStates.Size},
			{"affinity", x.Affinity.At, x.Affinity.At + AffinityEntries*8},
			{"columns", x.Columns.At, x.Columns.At + uint64(s.Workers)*x.Columns.Size},
			{"rows", x.Rows.At, x.Rows.At + uint64(s.Workers)*uint64(s.Capacity+SpareRows)*x.Rows.Size},
			{"tallies", x.Tallies.At, x.Tallies.At + uint64(s.Workers)*x.Tallies.Size},
			{"target tallies", x.TargetTallies.At, x.TargetTallies.At + TargetSlots*x.TargetTallies.Size},
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
	text.Len = 1 << 30 // a corrupt length: reading stays inside
	if len(text.String()) != len(text.Buf) {
		t.Errorf("a text with a wrong length has %d bytes", len(text.String()))
	}
}
