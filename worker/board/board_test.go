// Tests of Make, Open and Adopt: what is shared, and which memories are
// refused.

package board

import (
	"strings"
	"testing"
	"unsafe"

	"daemon/plug/worker/version"

	"golang.org/x/sys/unix"
)

func TestBothSidesSeeTheSame(t *testing.T) {
	shape := Shape{Generation: 7, Workers: 5, Capacity: 3}
	master, assignment, state := made(t, shape)
	master.Assignment.Tag.Set("(119)")
	master.Target(2).Addr = addr("[2001:db8::1]:119")
	master.Assignment.TargetCount = 3
	worker, err := Open(assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	if worker.Assignment.Generation != 7 || worker.Assignment.Workers != 5 || worker.Assignment.Capacity != 3 || worker.Assignment.Tag.String() != "(119)" ||
		worker.Target(2).Addr != addr("[2001:db8::1]:119") || worker.Assignment.TargetCount != 3 {
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
	worker.TargetState(TargetSlots - 1).Failures.Store(9)
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
	if master.TargetState(TargetSlots-1).Failures.Load() != 9 {
		t.Error("the last mark is another")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(h *assignmentHead, g *State)
		want  string
	}{
		{"assignment's magic", func(h *assignmentHead, _ *State) { h.Magic++ }, "assignment: magic"},
		{"assignment's version", func(h *assignmentHead, _ *State) { h.Version = 0 }, "version 0 and "},
		{"assignment's settings", func(h *assignmentHead, _ *State) { h.Settings.At = h.Size }, "settings: 1 elements"},
		{"assignment's settings, too long", func(h *assignmentHead, _ *State) { h.Settings.Size = 1 << 40 }, "settings: elements of"},
		{"assignment's targets", func(h *assignmentHead, _ *State) { h.Targets.Count = 1 << 60 }, "targets: 1152921504606846976 elements"},
		{"assignment's rules", func(h *assignmentHead, _ *State) { h.Rules.Size = 8 }, "rules: elements of 8 bytes"},
		{"state's magic", func(_ *assignmentHead, g *State) { g.Magic = 0 }, "state: magic"},
		{"state's version", func(_ *assignmentHead, g *State) { g.Version = 0 }, " and 0, expected"},
		{"state's rows", func(_ *assignmentHead, g *State) { g.Tables.Rows.Size = 8 }, "rows: elements of 8 bytes"},
		{"state's columns", func(_ *assignmentHead, g *State) { g.Tables.Columns.Count = 1 }, "with 1 columns"},
		{"state's workers", func(_ *assignmentHead, g *State) { g.Tables.Workers = 1 << 40 }, "1099511627776 workers"},
		{"state's marks", func(_ *assignmentHead, g *State) { g.Tables.TargetStates.At = 1 << 40 }, "marks: 4096 elements"},
		{"state's affinity", func(_ *assignmentHead, g *State) { g.Tables.Affinity.Count = 0 }, "0 affinity entries"},
	} {
		b, assignment, state := made(t, Shape{Workers: 2, Capacity: 2})
		c.spoil((*assignmentHead)(unsafe.Pointer(&b.memory[0])), b.State)
		for way, open := range map[string]func(int, int) (*Board, error){"open": Open, "adopt": Adopt} {
			if opened, err := open(assignment, state); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s with a wrong %s: error %v, want %q", way, c.name, err, c.want)
				if err == nil {
					opened.Close()
				}
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

// The board of a newer version has longer settings, larger tables and other
// sizes. Everything is found through the heads, and what workers write into
// the state's head later is not trusted.
func TestAdoptsAnotherVersion(t *testing.T) {
	b, assignment, state := made(t, Shape{Generation: 9, Workers: 3, Capacity: 4})
	h := (*assignmentHead)(unsafe.Pointer(&b.memory[0]))
	h.Version, b.State.Version = version.Board+1, version.Board+1
	h.Settings.Size += 64
	h.Rules.At += 256
	h.Targets.At, h.Targets.Size, h.Targets.Count = h.Targets.At+512, h.Targets.Size+64, h.Targets.Count/2
	b.State.Tables.TargetStates.Count = h.Targets.Count
	b.Assignment.TargetCount = 2
	b.Assignment.CloseTimeout = 4711
	b.head = *h
	b.Target(1).Name.Set("10.1.2.3:119")
	b.Rule(MaxRules - 1).Bits = 97
	if w, err := Open(assignment, state); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a worker opened it: %v", err)
		w.Close()
	}
	a, err := Adopt(assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.Assignment.CloseTimeout != 4711 || a.Assignment.Generation != 9 || a.Target(1).Name.String() != "10.1.2.3:119" || a.Rule(MaxRules-1).Bits != 97 {
		t.Errorf("read %+v, target %q, rule %+v", a.Assignment.CloseTimeout, a.Target(1).Name.String(), a.Rule(MaxRules-1))
	}
	b.State.Tables.Rows.At, b.State.Tables.RowsEach = 1<<40, 1<<40
	b.Row(2, 3).In.Store(5)
	if a.Row(2, 3).In.Load() != 5 {
		t.Error("the adopted board follows what a worker wrote")
	}
	h.Settings.Size -= 256 // an older version's settings are shorter
	h.Version, b.State.Version = version.OldestBoard, version.OldestBoard
	b.State.Tables = b.Tables
	o, err := Adopt(assignment, state)
	if err != nil || o.Assignment.CloseTimeout != 4711 {
		t.Fatalf("an older version: %v", err)
	}
	o.Close()
	b.Assignment.TargetCount = uint32(h.Targets.Count) + 1
	if o, err := Adopt(assignment, state); err == nil {
		t.Error("adopted with more targets than it has room for")
		o.Close()
	}
}

// Elements may be longer than in this version: the step from one to the next
// is the size in the tables.
func TestStepsByTheHeadersSizes(t *testing.T) {
	b, _, _ := made(t, Shape{Workers: 3, Capacity: 4})
	b.Tables.Rows.Size, b.Tables.Columns.Size, b.Tables.TargetStates.Size = b.Tables.Rows.Size+64, b.Tables.Columns.Size+128, b.Tables.TargetStates.Size+64
	distance := func(a, b unsafe.Pointer) uint64 { return uint64(uintptr(b) - uintptr(a)) }
	if d := distance(unsafe.Pointer(b.Row(0, 0)), unsafe.Pointer(b.Row(2, 1))); d != (2*b.Tables.RowsEach+1)*b.Tables.Rows.Size {
		t.Errorf("row 1 of worker 2 lies %d bytes behind row 0", d)
	}
	if d := distance(unsafe.Pointer(b.Column(0)), unsafe.Pointer(b.Column(2))); d != 2*b.Tables.Columns.Size {
		t.Errorf("column 2 lies %d bytes behind column 0", d)
	}
	if d := distance(unsafe.Pointer(b.TargetState(0)), unsafe.Pointer(b.TargetState(5))); d != 5*b.Tables.TargetStates.Size {
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

// If a memory is shorter than its head says, reading beyond its end would kill
// the reader.
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

// A board is made only in memories of its size.
func TestMakeRefusesShortMemory(t *testing.T) {
	s := Shape{Workers: 4, Capacity: 4}
	size, stateSize := s.Sizes()
	for _, c := range []struct {
		name            string
		size, stateSize int64
	}{{"assignment", size - page, stateSize}, {"state", size, stateSize - page}} {
		if b, err := Make(s, file(t, c.size), file(t, c.stateSize)); err == nil || !strings.Contains(err.Error(), c.name+": the memory has") {
			t.Errorf("with a short %s: %v", c.name, err)
			b.Close()
		}
	}
}
