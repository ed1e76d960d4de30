// Tests of reading a report pipe: doorbells in order, with noise between them.

package watch

import (
	"slices"
	"testing"

	"daemon/plug/worker/report"
)

// Doorbells are read from a pipe in their order. Bytes that are not a doorbell are
// counted, and the next doorbell is still found.
func TestHear(t *testing.T) {
	bell := func(n int) report.Record {
		return report.Record{Kind: report.Begin, Slot: uint16(n), PID: uint32(1000 + n), Generation: 1, Row: uint32(n)}
	}
	noise := slices.Repeat([]byte{0xff}, report.Size)
	for _, c := range []struct {
		name    string
		pipe    [][]byte
		bells   []int
		garbled int
	}{
		{"nothing", nil, nil, 0},
		{"three", [][]byte{bell(1).Append(nil), bell(2).Append(nil), bell(3).Append(nil)}, []int{1, 2, 3}, 0},
		{"noise between", [][]byte{bell(1).Append(nil), noise, bell(2).Append(nil)}, []int{1, 2}, report.Size},
		{"a piece at the end", [][]byte{bell(1).Append(nil), bell(2).Append(nil)[:5]}, []int{1}, 5},
	} {
		var s Events
		s.hear(slices.Concat(c.pipe...))
		var got []int
		for _, r := range s.Bells {
			if r != bell(int(r.Slot)) {
				t.Errorf("%s: heard %+v", c.name, r)
			}
			got = append(got, int(r.Slot))
		}
		if !slices.Equal(got, c.bells) || s.Garbled != c.garbled {
			t.Errorf("%s: bells %v, %d bytes garbled; want %v, %d", c.name, got, s.Garbled, c.bells, c.garbled)
		}
	}
}
