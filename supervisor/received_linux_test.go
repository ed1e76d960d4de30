// Tests of what a new master receives: records in their JSON form, and a roster
// and descriptors that do not match.

package supervisor

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
)

// oldGeneration returns a generation that an old master hands over.
func oldGeneration(t testing.TB, number uint32, workers int) *generation {
	t.Helper()
	cfg := newConfig()
	cfg.MaxWorkers = workers
	g, err := newGeneration(number, &cfg.Process, &cfg.Plug, workers, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, g.plug = bareMaster(cfg)
	t.Cleanup(g.close)
	return g
}

// dupFDs duplicates descriptors; the receiver may close the copies.
func dupFDs(t testing.TB, fds ...int) (out []int) {
	t.Helper()
	for _, fd := range fds {
		c, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// childRecords returns records of n workers in the first slots of a generation, with some
// valid descriptors.
func childRecords(t testing.TB, g *generation, n int) (records []handover.ChildRecord, fds []int) {
	t.Helper()
	for i := range n {
		records = append(records, handover.ChildRecord{ID: uint64(10*i) + 7, Generation: g.number, Slot: i, PID: 5000 + i, Busy: i%3 == 1,
			Draining: i%3 == 2, Listed: i%3 == 1, Turns: uint64(i)})
		if fds = append(fds, dupFDs(t, g.report)...); host.HavePidfds {
			fds = append(fds, dupFDs(t, g.report)...)
		}
	}
	return records, fds
}

// receivedState returns the received state with one generation and n workers, and the
// matching end record.
func receivedState(t testing.TB, g *generation, n int) (*received, *handover.EndRecord) {
	t.Helper()
	e := newReceived(map[uint32]*plug{g.plug.id: g.plug})
	if err := e.addGeneration(&handover.GenerationRecord{Plug: g.plug.id, Number: g.number}, dupFDs(t, g.assignment, g.state, g.report)); err != nil {
		t.Fatal(err)
	}
	records, fds := childRecords(t, g, n)
	if err := e.addChildren(records, fds); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeReceived(e) })
	end := &handover.EndRecord{Generations: 1, Children: n}
	for _, r := range records {
		end.Sum += r.Sum()
	}
	return e, end
}

// closeReceived closes the descriptors of received state.
func closeReceived(e *received) {
	for _, g := range e.generations {
		g.close()
	}
	for _, c := range e.children {
		unix.Close(c.lifeline)
		if host.HavePidfds {
			unix.Close(c.pidfd)
		}
	}
}

// A generation is received with its number, its board, and room for its workers.
func TestReceivedGeneration(t *testing.T) {
	g := oldGeneration(t, 3, 9)
	g.board.State.Rotation.Store(5)
	e, _ := receivedState(t, g, 0)
	got := e.generations[0]
	if got.number != 3 || len(got.slots) != 9 {
		t.Errorf("generation %d with %d slots, want 3 with 9", got.number, len(got.slots))
	}
	if rotation := got.board.State.Rotation.Load(); rotation != 5 {
		t.Errorf("rotation %d, want 5", rotation)
	}
	if got.bell != -1 {
		t.Errorf("the write end of the report pipe is %d, want none", got.bell)
	}
	g.board.State.Rotation.Store(6) // the same memory, not a copy
	if rotation := got.board.State.Rotation.Load(); rotation != 6 {
		t.Errorf("rotation %d, the old master's is 6", rotation)
	}
}

func TestReceivedRefusesGenerations(t *testing.T) {
	g, other := oldGeneration(t, 3, 4), oldGeneration(t, 4, 4)
	name := g.plug.id
	for what, c := range map[string]struct {
		record *handover.GenerationRecord
		fds    []int
	}{
		"another plug":           {&handover.GenerationRecord{Plug: 9, Number: 3}, []int{g.assignment, g.state, g.report}},
		"no record":              {nil, []int{g.assignment, g.state, g.report}},
		"no descriptors":         {&handover.GenerationRecord{Plug: name, Number: 3}, nil},
		"two descriptors":        {&handover.GenerationRecord{Plug: name, Number: 3}, []int{g.assignment, g.state}},
		"four descriptors":       {&handover.GenerationRecord{Plug: name, Number: 3}, []int{g.assignment, g.state, g.report, g.report}},
		"another number":         {&handover.GenerationRecord{Plug: name, Number: 4}, []int{g.assignment, g.state, g.report}},
		"the memories swapped":   {&handover.GenerationRecord{Plug: name, Number: 3}, []int{g.state, g.assignment, g.report}},
		"a pipe for a memory":    {&handover.GenerationRecord{Plug: name, Number: 3}, []int{g.report, g.state, g.report}},
		"state of another shape": {&handover.GenerationRecord{Plug: name, Number: 4}, []int{g.assignment, other.state, g.report}},
	} {
		e := newReceived(map[uint32]*plug{g.plug.id: g.plug})
		fd, closed := trackedFD(t)
		fds := dupFDs(t, c.fds...)
		if len(fds) == 3 { // the pipe can be watched
			unix.Close(fds[2])
			fds[2] = dupFDs(t, fd)[0]
		}
		if err := e.addGeneration(c.record, fds); err == nil || len(e.generations) != 0 {
			t.Errorf("%s: %d generations, error %v", what, len(e.generations), err)
		}
		if !closed() {
			t.Errorf("%s: a descriptor is still open", what)
		}
	}
}

// A worker is received unchanged: its state, its place in the pidfile, and the
// sessions of its slot.
func TestReceivedChildren(t *testing.T) {
	g := oldGeneration(t, 3, 9)
	e, end := receivedState(t, g, 6)
	if err := e.verify(end); err != nil {
		t.Fatal(err)
	}
	records, fds := childRecords(t, g, 6)
	handover.CloseAll(fds)
	for i, c := range e.children {
		want := []lifeState{spare, busy, draining}[i%3]
		if c.state != want {
			t.Errorf("worker %d is %s, want %s", i, c.state, want)
		}
		if c.generation != e.generations[0] || e.generations[0].slots[i] != c {
			t.Errorf("worker %d is not in slot %d of its generation", i, i)
		}
		if got := c.record(); got != records[i] {
			t.Errorf("worker %d would be handed over as %+v, was received as %+v", i, got, records[i])
		}
	}
	free := slices.Clone(e.generations[0].free)
	slices.Sort(free)
	if !slices.Equal(free, []int{6, 7, 8}) {
		t.Errorf("free slots %v", free)
	}
}

func TestReceivedRefusesChildren(t *testing.T) {
	g := oldGeneration(t, 3, 4)
	for name, spoil := range map[string]func(records []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int){
		"a generation that was not sent": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			r[1].Generation = 2
			return r, fds
		},
		"a slot below": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			r[1].Slot = -1
			return r, fds
		},
		"a slot beyond": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			r[1].Slot = 4
			return r, fds
		},
		"a slot far beyond": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			r[1].Slot = 1 << 40
			return r, fds
		},
		"a slot twice": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			r[1].Slot = 0
			return r, fds
		},
		"the PID of all processes": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			r[1].PID = -1
			return r, fds
		},
		"the PID of the own group": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) { r[1].PID = 0; return r, fds },
		"init's PID":               func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) { r[1].PID = 1; return r, fds },
		"one descriptor too few": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) {
			unix.Close(fds[0])
			return r, fds[1:]
		},
		"one worker too few": func(r []handover.ChildRecord, fds []int) ([]handover.ChildRecord, []int) { return r[1:], fds },
	} {
		e, _ := receivedState(t, g, 0)
		records, fds := childRecords(t, g, 3)
		records, fds = spoil(records, fds)
		if err := e.addChildren(records, fds); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A roster in which one record was lost, duplicated, exchanged or garbled is
// rejected.
func TestReceivedVerifies(t *testing.T) {
	g := oldGeneration(t, 3, 40)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + rng.IntN(30)
		e, end := receivedState(t, g, n)
		spoiled := *end
		i := rng.IntN(n)
		r := e.children[i].record()
		switch rng.IntN(7) {
		case 0: // lost: one more was sent
			spoiled.Children++
			spoiled.Sum += r.Sum()
		case 1: // duplicated
			spoiled.Children--
			spoiled.Sum -= r.Sum()
		case 2: // another worker in its place
			spoiled.Sum -= r.Sum()
			r.PID++
			spoiled.Sum += r.Sum()
		case 3:
			spoiled.Sum -= r.Sum()
			r.ID += 3
			spoiled.Sum += r.Sum()
		case 4:
			spoiled.Sum -= r.Sum()
			r.Slot++
			spoiled.Sum += r.Sum()
		case 5:
			spoiled.Generations++
		case 6:
			spoiled.Sum -= r.Sum()
			r.Generation++
			spoiled.Sum += r.Sum()
		}
		if err := e.verify(&spoiled); err == nil || !strings.Contains(err.Error(), "counts differ") {
			t.Fatalf("%+v was accepted as %+v: %v", *end, spoiled, err)
		}
		if err := e.verify(end); err != nil {
			t.Fatal(err)
		}
	}
	if err := newReceived(map[uint32]*plug{g.plug.id: g.plug}).verify(nil); err == nil {
		t.Error("an end record without counts was accepted")
	}
}
