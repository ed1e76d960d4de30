package board

import (
	"net/netip"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestBothSidesSeeTheSame(t *testing.T) {
	shape := Shape{Generation: 7, Workers: 5, Capacity: 3}
	master, assignment, state := made(t, shape)
	master.Tag.Set("(119)")
	master.TargetTable[2].Addr = addr("[2001:db8::1]:119")
	master.TargetCount.Store(3)
	if err := Seal(assignment, state); err != nil {
		t.Fatal(err)
	}
	worker, err := Open(assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	if worker.Assignment.Generation != 7 || worker.Assignment.Workers != 5 || worker.Assignment.Capacity != 3 || worker.Tag.String() != "(119)" ||
		worker.TargetTable[2].Addr != addr("[2001:db8::1]:119") || worker.TargetCount.Load() != 3 {
		t.Error("the worker reads another assignment")
	}
	master.Gate.Store(GateOpen) // the master writes on after the seal
	if worker.Gate.Load() != GateOpen {
		t.Error("the gate did not open")
	}
	for w := range int(shape.Workers) {
		worker.Column(w).PID.Store(uint32(100 + w))
		for i := range int(shape.Capacity) {
			worker.Row(w, i).In.Store(uint64(1000*w + i))
		}
	}
	worker.Mark(MaxTargets - 1).Failures.Store(9)
	for w := range int(shape.Workers) {
		if pid := master.Column(w).PID.Load(); pid != uint32(100+w) {
			t.Errorf("column %d: PID %d", w, pid)
		}
		for i := range int(shape.Capacity) {
			if n := master.Row(w, i).In.Load(); n != uint64(1000*w+i) {
				t.Errorf("row %d of worker %d: %d", i, w, n)
			}
		}
	}
	if master.Mark(MaxTargets-1).Failures.Load() != 9 {
		t.Error("the last mark is another")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b *Board)
		want  string
	}{
		{"assignment's magic", func(b *Board) { b.Assignment.Magic++ }, "assignment has magic"},
		{"assignment's version", func(b *Board) { b.Assignment.Version = 0 }, "assignment has magic"},
		{"state's magic", func(b *Board) { b.Header.Magic = 0 }, "state has magic"},
		{"state's version", func(b *Board) { b.Header.Version = 0 }, "state has magic"},
		{"state's size", func(b *Board) { b.Header.Size = page }, "state has magic"},
	} {
		b, assignment, state := made(t, Shape{Workers: 2, Capacity: 2})
		c.spoil(b)
		if opened, err := Open(assignment, state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a wrong %s: error %v, want %q", c.name, err, c.want)
			if err == nil {
				opened.Close()
			}
		}
	}
	_, assignment, state := made(t, Shape{Workers: 1, Capacity: 1})
	if _, err := Open(-1, state); err == nil {
		t.Error("opened without an assignment")
	}
	if _, err := Open(assignment, -1); err == nil {
		t.Error("opened without a state")
	}
}

// The sizes of a newer layout are larger; an older worker steps by them.
func TestStepsByTheHeadersSizes(t *testing.T) {
	b, _, _ := made(t, Shape{Workers: 3, Capacity: 4})
	b.RowSize, b.ColumnSize, b.MarkSize = b.RowSize+64, b.ColumnSize+128, b.MarkSize+64
	distance := func(a, b unsafe.Pointer) uint64 { return uint64(uintptr(b) - uintptr(a)) }
	if d := distance(unsafe.Pointer(b.Row(0, 0)), unsafe.Pointer(b.Row(2, 1))); d != (2*b.Rows+1)*b.RowSize {
		t.Errorf("row 1 of worker 2 lies %d bytes behind row 0", d)
	}
	if d := distance(unsafe.Pointer(b.Column(0)), unsafe.Pointer(b.Column(2))); d != 2*b.ColumnSize {
		t.Errorf("column 2 lies %d bytes behind column 0", d)
	}
	if d := distance(unsafe.Pointer(b.Mark(0)), unsafe.Pointer(b.Mark(5))); d != 5*b.MarkSize {
		t.Errorf("mark 5 lies %d bytes behind mark 0", d)
	}
}

func TestCloseTwice(t *testing.T) {
	b, assignment, state, err := New(Shape{Workers: 1, Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(assignment)
	unix.Close(state)
	b.Close()
	b.Close()
	if b.Assignment != nil || b.Header != nil {
		t.Error("a closed board still points into its memory")
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		in, out string
		kind    uint16
	}{
		{"192.0.2.1:80", "192.0.2.1:80", 4},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1:80", 4},
		{"0.0.0.0:0", "0.0.0.0:0", 4},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535", 6},
		{"[::]:1", "[::]:1", 6},
		{"[fe80::1%lo]:5", "[fe80::1]:5", 6}, // the zone goes by number, beside it
	} {
		a := MakeAddr(netip.MustParseAddrPort(c.in))
		if a.Kind != c.kind || a.AddrPort().String() != c.out || a.Address() != a.AddrPort().Addr() {
			t.Errorf("%s: kind %d, %s, %s", c.in, a.Kind, a.AddrPort(), a.Address())
		}
	}
	none := MakeAddr(netip.AddrPort{})
	if none.Kind != 0 || none.AddrPort().IsValid() || none.Address().IsValid() {
		t.Errorf("no address came back as %s", none.AddrPort())
	}
}
