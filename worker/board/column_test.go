// A cleared column.

package board

import (
	"reflect"
	"slices"
	"testing"
	"unsafe"
)

// A cleared column has only the number of its rows left, whichever words it has.
func TestColumnClears(t *testing.T) {
	var c, want Column
	words := unsafe.Slice((*uint32)(unsafe.Pointer(&c)), unsafe.Sizeof(c)/4)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Column]()) {
		if f.Name == "_" {
			continue
		}
		for at := f.Offset; at < f.Offset+f.Type.Size(); at += 4 {
			words[at/4] = 1
		}
	}
	want.Rows.Store(1)
	c.Clear()
	if left := unsafe.Slice((*uint32)(unsafe.Pointer(&want)), len(words)); !slices.Equal(words, left) {
		t.Errorf("%v is left, expected %v", words, left)
	}
}
