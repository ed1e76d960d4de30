// Tests of doorbells: their wire form, their sizes and garbage.

package report

import (
	"testing"
	"testing/quick"
)

func TestRoundTrip(t *testing.T) {
	same := func(kind uint8, slot uint16, pid, generation, row uint32) bool {
		r := Record{Kind: Ready + Kind(kind)%(Leaving-Ready+1), Slot: slot, PID: pid, Generation: generation, Row: row}
		wire := r.Append([]byte("before"))
		back, ok := Parse(wire[len("before"):])
		return ok && back == r && len(wire) == len("before")+Size && string(wire[:6]) == "before"
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

// Older and newer masters read this form.
func TestWire(t *testing.T) {
	r := Record{Kind: End, Slot: 0x0102, PID: 0x03040506, Generation: 0x0708090a, Row: 0x0b0c0d0e}
	want := "\x02\x03\x02\x01\x06\x05\x04\x03\x0a\x09\x08\x07\x0e\x0d\x0c\x0b"
	if got := string(r.Append(nil)); got != want {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestGarbage(t *testing.T) {
	good := Record{Kind: Ready, Slot: 1, PID: 2, Generation: 3}.Append(nil)
	with := func(at int, v byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":       nil,
		"one too short": good[:Size-1],
		"version 0":     with(0, 0),
		"kind 0":        with(1, 0),
		"unknown kind":  with(1, byte(Leaving)+1),
		"last kind":     with(1, 255),
		"text":          []byte("not a doorbell, not at all"),
	} {
		if r, ok := Parse(b); ok || r != (Record{}) {
			t.Errorf("%s: %+v, %v", name, r, ok)
		}
	}
	if r, ok := Parse(append(good, "more"...)); !ok || r.PID != 2 {
		t.Errorf("a record with others behind it: %+v, %v", r, ok)
	}
}

// A batch is written in one piece only if it fits in PIPE_BUF on every system
// (POSIX: at least 512), and a read of whole pipes never cuts a record.
func TestSizes(t *testing.T) {
	if got := len(Record{Kind: Ready}.Append(nil)); got != Size {
		t.Errorf("a record has %d bytes, Size says %d", got, Size)
	}
	if Batch*Size > 512 || Batch < 1 {
		t.Errorf("%d records of %d bytes exceed POSIX's PIPE_BUF", Batch, Size)
	}
	if (64<<10)%Size != 0 {
		t.Errorf("a pipe of 64 KiB holds no whole number of records of %d bytes", Size)
	}
}

func TestOrdersDiffer(t *testing.T) {
	seen := map[Order]bool{}
	for _, o := range []Order{Nudge, Gate, Drain, Session, Kill} {
		if seen[o] || o == 0 {
			t.Errorf("order %q is used twice, or is what a cleared buffer holds", o)
		}
		seen[o] = true
	}
}

// A parsed record is byte for byte what was written; anything else is refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(Record{Kind: Begin, Slot: 65535, PID: 1 << 31, Generation: 9, Row: 4095}.Append(nil))
	f.Add([]byte("\x01\x06aaaaaaaaaaaaaa"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := Parse(b)
		valid := len(b) >= Size && b[0] != 0 && Kind(b[1]) >= Ready && Kind(b[1]) <= Leaving
		if ok != valid {
			t.Fatalf("%x: %v", b, ok)
		}
		if !ok {
			if r != (Record{}) {
				t.Fatalf("%x: refused, and yet %+v", b, r)
			}
			return
		}
		if again := r.Append(nil); string(again) != string(b[:Size]) {
			t.Fatalf("%x came back as %x", b[:Size], again)
		}
	})
}
