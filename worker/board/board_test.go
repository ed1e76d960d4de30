package board

import (
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestBothSidesSeeTheSame(t *testing.T) {
	shape := Shape{Generation: 7, Workers: 5, Capacity: 3}
	master, assignment, state := made(t, shape)
	master.Assignment.Tag.Set("(119)")
	master.Assignment.TargetTable[2].Addr = addr("[2001:db8::1]:119")
	master.Assignment.TargetCount.Store(3)
	worker, err := Open(assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	if worker.Assignment.Generation != 7 || worker.Assignment.Workers != 5 || worker.Assignment.Capacity != 3 || worker.Assignment.Tag.String() != "(119)" ||
		worker.Assignment.TargetTable[2].Addr != addr("[2001:db8::1]:119") || worker.Assignment.TargetCount.Load() != 3 {
		t.Error("the worker reads another assignment")
	}
	master.State.Gate.Store(GateOpen)
	if worker.State.Gate.Load() != GateOpen {
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
		{"state's magic", func(b *Board) { b.State.Magic = 0 }, "state has magic"},
		{"state's version", func(b *Board) { b.State.Version = 0 }, "state has magic"},
		{"state's size", func(b *Board) { b.State.Size = page }, "state has magic"},
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
	b.State.RowSize, b.State.ColumnSize, b.State.MarkSize = b.State.RowSize+64, b.State.ColumnSize+128, b.State.MarkSize+64
	distance := func(a, b unsafe.Pointer) uint64 { return uint64(uintptr(b) - uintptr(a)) }
	if d := distance(unsafe.Pointer(b.Row(0, 0)), unsafe.Pointer(b.Row(2, 1))); d != (2*b.State.Rows+1)*b.State.RowSize {
		t.Errorf("row 1 of worker 2 lies %d bytes behind row 0", d)
	}
	if d := distance(unsafe.Pointer(b.Column(0)), unsafe.Pointer(b.Column(2))); d != 2*b.State.ColumnSize {
		t.Errorf("column 2 lies %d bytes behind column 0", d)
	}
	if d := distance(unsafe.Pointer(b.Mark(0)), unsafe.Pointer(b.Mark(5))); d != 5*b.State.MarkSize {
		t.Errorf("mark 5 lies %d bytes behind mark 0", d)
	}
}

func TestCloseTwice(t *testing.T) {
	b, _, _ := made(t, Shape{Workers: 1, Capacity: 1})
	b.Close()
	b.Close()
	if b.Assignment != nil || b.State != nil {
		t.Error("a closed board still points into its memory")
	}
}

// A memory that is shorter than it says would kill who reads beyond its end.
func TestOpenRefusesShortMemory(t *testing.T) {
	_, assignment, state := made(t, Shape{Workers: 4, Capacity: 4})
	for _, c := range []struct {
		name string
		fd   int
		size int64
	}{
		{"state", state, int64(unsafe.Sizeof(State{}))},
		{"assignment", assignment, page},
	} {
		if err := unix.Ftruncate(c.fd, c.size); err != nil {
			t.Fatal(err)
		}
		if b, err := Open(assignment, state); err == nil {
			t.Errorf("opened with %s cut to %d bytes", c.name, c.size)
			b.Close()
		}
	}
}
