// Tests of Choose with one session after the other: order, rotation, failed
// targets and retries.

package board

import (
	"math/rand/v2"
	"testing"
)

// session runs one session through Choose at a second; its connects fail where
// fails reports true.
func session(b *Board, from Addr, second uint64, fails func(slot int) bool) (got int, tried []int) {
	var t Tried
	now := 1000 * second
	for {
		slot, ok := b.Choose(&t, &from, now)
		if !ok {
			return -1, tried
		}
		tried = append(tried, slot)
		if !fails(slot) {
			b.Good(slot)
			return slot, tried
		}
		b.Fail(slot, now)
		t.Add(slot)
	}
}

func nobody(int) bool    { return false }
func everybody(int) bool { return true }

func only(slots ...int) func(int) bool {
	return func(slot int) bool {
		for _, s := range slots {
			if s == slot {
				return true
			}
		}
		return false
	}
}

// A step is one session while the targets in down fail, and the targets that
// it tries.
type step struct {
	now  uint64 // seconds
	down []int
	want []int // tried, in order; the last one is connected, unless it is down
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name    string
		targets int
		options uint32
		retry   uint32
		steps   []step
	}{
		{name: "rotation begins with the first", targets: 3, steps: []step{
			{1, nil, []int{0}}, {1, nil, []int{1}}, {1, nil, []int{2}}, {1, nil, []int{0}}}},
		{name: "one target", targets: 1, steps: []step{
			{1, nil, []int{0}}, {1, nil, []int{0}}, {1, []int{0}, []int{0}}, {1, nil, []int{0}}}},
		{name: "ordered", targets: 3, options: OptOrdered, steps: []step{
			{1, nil, []int{0}}, {1, nil, []int{0}},
			{1, []int{0}, []int{0, 1}}, {1, nil, []int{1}}, {1, []int{1}, []int{1, 2}}, {9999, nil, []int{2}}}},
		{name: "redispatch goes on in rotation", targets: 4, steps: []step{
			{1, nil, []int{0}}, {1, []int{1, 2}, []int{1, 2, 3}}, {1, nil, []int{0}}, {1, nil, []int{3}}}},
		{name: "failed for ever without -r", targets: 2, steps: []step{
			{1, []int{0}, []int{0, 1}}, {2, nil, []int{1}}, {1 << 21, nil, []int{1}}}},
		{name: "due again after -r", targets: 2, retry: 60, options: OptOrdered, steps: []step{
			{1000, []int{0}, []int{0, 1}}, {1001, nil, []int{1}}, {1059, nil, []int{1}},
			{1060, []int{0}, []int{0, 1}}, {1119, nil, []int{1}}, {1120, nil, []int{0}}, {1121, nil, []int{0}}}},
		{name: "due again in rotation", targets: 3, retry: 10, steps: []step{
			{100, []int{0}, []int{0, 1}}, {105, nil, []int{2}}, {105, nil, []int{1}}, {110, nil, []int{2}}, {110, nil, []int{0}}, {110, nil, []int{1}}}},
		{name: "a failure at second 0 counts", targets: 2, options: OptOrdered, steps: []step{
			{0, []int{0}, []int{0, 1}}, {0, nil, []int{1}}}},
		{name: "all failed: all are good again, the first is taken", targets: 3, steps: []step{
			{1, nil, []int{0}}, {1, []int{0, 1, 2}, []int{1, 2, 0}},
			{2, nil, []int{0}}, {2, nil, []int{1}}, {2, nil, []int{2}}}},
		{name: "all failed with -r too", targets: 2, retry: 3600, steps: []step{
			{1, []int{0, 1}, []int{0, 1}}, {2, nil, []int{0}}, {2, nil, []int{1}}}},
		{name: "failed one after the other", targets: 3, options: OptOrdered, steps: []step{
			{1, []int{0}, []int{0, 1}}, {2, []int{1}, []int{1, 2}}, {3, []int{2}, []int{2, 0}}, {4, nil, []int{0}}, {4, []int{0}, []int{0, 1}}}},
		{name: "the last good one fails: the failed ones are tried too", targets: 4, options: OptOrdered, steps: []step{
			{1, []int{0, 1, 2}, []int{0, 1, 2, 3}}, {2, []int{3, 0, 1}, []int{3, 0, 1, 2}}}},
		{name: "no target", targets: 0, steps: []step{{1, nil, nil}}},
	} {
		b := with(t, c.targets, c.options)
		b.Assignment.RetryAfter = c.retry
		for i, s := range c.steps {
			got, tried := session(b, client(i), s.now, only(s.down...))
			if !equal(tried, s.want) {
				t.Errorf("%s: step %d tried %v, want %v", c.name, i, tried, s.want)
				break
			}
			if down := len(tried) == 0 || only(s.down...)(tried[len(tried)-1]); (got < 0) != down {
				t.Errorf("%s: step %d got %d of %v", c.name, i, got, tried)
			}
		}
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A session whose every connect fails tries each target exactly once, whatever
// failed before and whatever the options are.
func TestGivesUpAfterEveryTarget(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + random.IntN(130)
		b := with(t, n, random.Uint32N(4)) // sticky, ordered, both, none
		b.Assignment.RetryAfter = random.Uint32N(3) * 10
		for range random.IntN(2 * n) {
			b.Fail(random.IntN(n), 1000*uint64(random.IntN(50)))
		}
		b.State.Rotation.Store(uint64(random.IntN(n + 1)))
		_, tried := session(b, client(0), 50, everybody)
		seen := map[int]bool{}
		for _, slot := range tried {
			if slot < 0 || slot >= n || seen[slot] {
				t.Fatalf("%d targets: slot %d in %v", n, slot, tried)
			}
			seen[slot] = true
		}
		if len(seen) != n {
			t.Fatalf("tried %d of %d targets: %v", len(seen), n, tried)
		}
		b.Close()
	}
}

// Good targets come first: without concurrency, no session tries a failed
// target that is not due before it has tried every good one.
func TestGoodOnesFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 2 + random.IntN(60)
		b := with(t, n, random.Uint32N(2)*OptOrdered)
		b.Assignment.RetryAfter = 1000
		good := map[int]bool{}
		for slot := range n {
			if good[slot] = random.IntN(2) == 0; !good[slot] {
				b.Fail(slot, 100_000)
			}
		}
		left := 0
		for _, is := range good {
			if is {
				left++
			}
		}
		_, tried := session(b, client(0), 200, everybody)
		for i, slot := range tried {
			if i < left && !good[slot] {
				t.Fatalf("try %d of %v is failed, %d good ones of %d", i, tried, left, n)
			}
		}
		b.Close()
	}
}

// -r is exact to the millisecond.
func TestDue(t *testing.T) {
	b := with(t, 2, OptOrdered)
	b.Assignment.RetryAfter = 3
	b.Fail(0, 5_250)
	for _, c := range []struct {
		now  uint64
		want int
	}{{5_250, 1}, {8_249, 1}, {8_250, 0}} {
		if slot, _ := b.Choose(&Tried{}, &Addr{}, c.now); slot != c.want {
			t.Errorf("at %d ms: target %d, want %d", c.now, slot, c.want)
		}
	}
}

func TestFailAndGood(t *testing.T) {
	b := with(t, 2, 0)
	if b.Good(0) {
		t.Error("a target without a mark had one")
	}
	if !b.Fail(0, 7) || b.Fail(0, 8) {
		t.Error("the first failure is the first, the second is not")
	}
	if n := b.TargetState(0).Failures.Load(); n != 2 {
		t.Errorf("%d failures counted", n)
	}
	if !b.Good(0) || b.Good(0) || b.TargetState(0).Failed.Load() != 0 {
		t.Error("good again: once, and then it is")
	}
	if b.TargetState(1).Failures.Load() != 0 {
		t.Error("another target's failure")
	}
}

// When all targets have failed, all become good again, but only for choosing:
// the other facts about a target stay until it is connected.
func TestFailingOutlivesRecovery(t *testing.T) {
	b := with(t, 2, 0)
	if _, tried := session(b, client(0), 5, everybody); len(tried) != 2 {
		t.Fatalf("tried %v", tried)
	}
	for slot := range 2 {
		m := b.TargetState(slot)
		if m.Failed.Load() != 0 || m.Failing.Load() != 5001 || m.LastFailure.Load() == 0 {
			t.Errorf("target %d: mark %d, failing since %d, last failure at %d", slot, m.Failed.Load(), m.Failing.Load(), m.LastFailure.Load())
		}
	}
	if b.Fail(0, 9000) || b.TargetState(0).Failing.Load() != 5001 {
		t.Error("a further failure is taken for the first")
	}
	if !b.Good(1) || b.Good(1) || b.TargetState(1).Failing.Load() != 0 || b.TargetState(1).LastFailure.Load() == 0 {
		t.Error("good again: once, and when it failed last stays known")
	}
	if !b.Miss(1, 9500) || b.Miss(1, 9600) || b.TargetState(1).Failed.Load() != 0 || b.TargetState(1).Failures.Load() != 1 {
		t.Error("a miss is known, and leaves the target to be chosen")
	}
}

func TestTried(t *testing.T) {
	var tried Tried
	for slot := range TargetSlots {
		if tried.Has(slot) {
			t.Fatalf("slot %d before it was added", slot)
		}
		tried.Add(slot)
		if !tried.Has(slot) {
			t.Fatalf("slot %d is lost", slot)
		}
	}
}
