// Tests of assignments that replace each other: which ones a board follows, the
// order of the rotation, and targets that were removed.

package board

import (
	"strings"
	"testing"
)

// next returns a later assignment for a board, which set may change.
func next(t testing.TB, b *Board, s Shape, set func(*Assigned)) Assigned {
	t.Helper()
	size, _ := s.Sizes()
	fd := file(t, size)
	a, err := MakeAssigned(s, fd)
	if err != nil {
		t.Fatal(err)
	}
	*a.Assignment = *b.Assignment
	a.Assignment.Epoch++
	set(&a)
	a.Close()
	if a, err = OpenAssigned(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func TestFollow(t *testing.T) {
	s := Shape{Generation: 7, Workers: 2, Capacity: 1}
	b, _, _ := made(t, s)
	for _, c := range []struct {
		name string
		set  func(*Assigned)
		want string // the error's text; empty for no error
	}{
		{"the next one", func(a *Assigned) { a.Assignment.ConnectTimeout = 4711 }, ""},
		{"the one in use", func(a *Assigned) { a.Assignment.Epoch = b.Assignment.Epoch }, "is in use"},
		{"an older one", func(a *Assigned) { a.Assignment.Epoch = b.Assignment.Epoch - 1 }, "is in use"},
		{"of another generation", func(a *Assigned) { a.Assignment.Generation++ }, "generation 8"},
		{"of another shape", func(a *Assigned) { a.Assignment.Workers++ }, "3 workers"},
		{"after the last number", func(a *Assigned) { a.Assignment.Epoch = 1<<31 - 1 }, ""},
	} {
		was := b.Assignment.Epoch
		a := next(t, b, s, c.set)
		err := b.Follow(a)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if (b.Assignment.Epoch != was) != (c.want == "") {
			t.Errorf("%s: epoch %d, was %d", c.name, b.Assignment.Epoch, was)
		}
	}
	if b.Assignment.ConnectTimeout != 4711 {
		t.Error("the settings are not those of the new assignment")
	}
	if !b.Behind() {
		t.Error("the board is not behind, but another epoch is valid")
	}
	b.State.Epoch.Store(b.Assignment.Epoch)
	if b.Behind() {
		t.Error("the board is behind the epoch that it follows")
	}
}

// slotsOf returns the slots that the next n new clients get.
func slotsOf(t testing.TB, b *Board, n int) (slots []int) {
	t.Helper()
	for i := range n {
		c := client(i)
		slot, ok := b.Choose(new(Tried), &c, 1000)
		if !ok {
			t.Fatal("no target")
		}
		slots = append(slots, slot)
	}
	return slots
}

// The rotation follows the order, in which a removed target has no place.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		order   []int
		options uint32
		want    string
	}{
		{"of the slots", []int{0, 1, 2, 3}, 0, "0 1 2 3 0 1"},
		{"another one", []int{2, 0, 3, 1}, 0, "2 0 3 1 2 0"},
		{"without a removed target", []int{3, 1}, 0, "3 1 3 1 3 1"},
		{"with a single target", []int{2}, 0, "2 2 2 2 2 2"},
		{"-o", []int{3, 0}, OptOrdered, "3 3 3 3 3 3"},
	} {
		b := with(t, 4, c.options)
		b.SetOrder(c.order)
		var got []string
		for _, slot := range slotsOf(t, b, 6) {
			got = append(got, string(rune('0'+slot)))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

// A client does not return to a target that was removed, and all failed targets
// become good again, but not one that was removed.
func TestRemovedTarget(t *testing.T) {
	b := with(t, 3, OptSticky)
	c := client(1)
	slot, _ := b.Choose(new(Tried), &c, 1000)
	if slot != 0 {
		t.Fatalf("the first client gets slot %d", slot)
	}
	b.Fail(0, 1000)
	b.Target(0).Gone = 1
	b.SetOrder([]int{1, 2})
	if slot, ok := b.Choose(new(Tried), &c, 1000); !ok || slot == 0 {
		t.Errorf("the client returns to slot %d", slot)
	}
	b.Fail(1, 1000)
	b.Fail(2, 1000)
	if slot, ok := b.Choose(new(Tried), &c, 1000); !ok || slot == 0 {
		t.Errorf("when all have failed, the client gets slot %d", slot)
	}
	if b.TargetState(0).Failed.Load() == 0 {
		t.Error("a removed target became good again")
	}
	var tried Tried
	tried.Add(1)
	tried.Add(2)
	if slot, ok := b.Choose(&tried, &c, 1000); ok {
		t.Errorf("a session that has tried all gets slot %d", slot)
	}
}
