// How a session gets its target: affinity, order or rotation, failed targets,
// retries and probes; and how failed marks are set and cleared.

package board

import "time"

// Tried is the set of target slots that one session has tried.
type Tried [TargetSlots / 64]uint64

// Add adds a slot to the set.
func (t *Tried) Add(slot int) { t[slot/64] |= 1 << (slot % 64) }

// Has reports whether the slot was tried.
func (t *Tried) Has(slot int) bool { return t[slot/64]&(1<<(slot%64)) != 0 }

// Choose picks the next target for a session that has tried those in tried;
// now is the board's millisecond. It follows ORIGINAL's order: affinity, then
// the first good target (-o) or the next good one in rotation. If no target is
// good, all become good again. A session that has found no good target also
// tries the failed ones before it gives up: ok is false when it has tried
// every target that an admin permits.
func (b *Board) Choose(tried *Tried, client *Addr, now uint64) (slot int, ok bool) {
	n := b.Places()
	if n == 0 {
		return 0, false
	}
	if b.Assignment.Options&OptSticky != 0 {
		if slot, known := b.recall(client, now/1000); known && b.current(slot) && !tried.Has(slot) && b.TargetState(slot).returning() && b.take(slot, now) {
			b.remember(client, slot, now/1000)
			return slot, true
		}
	}
	slot, ok = b.next(tried, n, now)
	if ok && b.Assignment.Options&OptSticky != 0 {
		b.remember(client, slot, now/1000)
	}
	return slot, ok
}

func (b *Board) next(tried *Tried, n int, now uint64) (slot int, ok bool) {
	if slot, ok = b.nextGood(tried, n, now); ok {
		return slot, true
	}
	if !b.anyEnabled(n) {
		return 0, false
	}
	if !b.anyGood(n, now) {
		b.recover(n)
	}
	for place := range n {
		if i := b.SlotAt(place); !tried.Has(i) && b.TargetState(i).enabled() {
			if b.Assignment.Options&OptOrdered == 0 {
				b.State.Rotation.Store(uint64(place) + 1)
			}
			return i, true
		}
	}
	return 0, false
}

// current reports whether a slot has a target that was not removed.
func (b *Board) current(slot int) bool {
	return slot < int(b.Assignment.TargetCount) && b.Target(slot).Gone == 0
}

// nextGood takes the next good target that was not tried, in rotation or in
// order. If it loses the race for a place in the rotation, it tries again.
func (b *Board) nextGood(tried *Tried, n int, now uint64) (slot int, ok bool) {
	ordered := b.Assignment.Options&OptOrdered != 0
	for {
		last, from, lost := b.State.Rotation.Load(), 0, false
		if !ordered {
			from = int(last % uint64(n))
		}
		for k := range n {
			place := (from + k) % n
			i := b.SlotAt(place)
			if tried.Has(i) || !b.TargetState(i).enabled() || !b.good(i, now) {
				continue
			}
			if !ordered && !b.State.Rotation.CompareAndSwap(last, uint64(place)+1) {
				lost = true
				break
			}
			last = uint64(place) + 1
			if b.take(i, now) {
				return i, true
			}
		}
		if !lost {
			return 0, false
		}
	}
}

// good reports whether the target may be chosen: not failed, or due again (-r).
func (b *Board) good(slot int, now uint64) bool {
	failed := b.TargetState(slot).Failed.Load()
	return failed == 0 || b.due(failed, now)
}

func (b *Board) due(failed, now uint64) bool {
	return b.Assignment.RetryAfter != 0 && now+1 >= failed+1000*uint64(b.Assignment.RetryAfter)
}

// take chooses a good target. If the target is failed but due, only one
// session probes it: take renews the mark, and the others wait for its result.
func (b *Board) take(slot int, now uint64) bool {
	m := b.TargetState(slot)
	failed := m.Failed.Load()
	if failed == 0 {
		return true
	}
	return b.due(failed, now) && m.Failed.CompareAndSwap(failed, now+1)
}

func (b *Board) anyGood(n int, now uint64) bool {
	for place := range n {
		if i := b.SlotAt(place); b.TargetState(i).enabled() && b.good(i, now) {
			return true
		}
	}
	return false
}

// recover makes all targets good again, so that the first one is chosen next.
func (b *Board) recover(n int) {
	for place := range n {
		b.TargetState(b.SlotAt(place)).Failed.Store(0)
	}
	b.State.Rotation.Store(0)
}

// Fail marks a target failed at the board's millisecond now; first is true if
// its last attempt had succeeded.
func (b *Board) Fail(slot int, now uint64) (first bool) {
	m := b.TargetState(slot)
	m.Failures.Add(1)
	m.Failed.Store(now + 1)
	return b.Miss(slot, now)
}

// Miss counts a target that could not be reached, but does not mark it failed:
// with -h that is the proxy's fault. first is as for Fail.
func (b *Board) Miss(slot int, now uint64) (first bool) {
	m := b.TargetState(slot)
	m.LastFailure.Store(uint64(time.Now().UnixMilli()))
	return m.Failing.CompareAndSwap(0, now+1)
}

// Good clears a target's failed mark after a connect; was is true if the last
// attempt had failed.
func (b *Board) Good(slot int) (was bool) {
	m := b.TargetState(slot)
	if m.Failed.Load() != 0 {
		m.Failed.Store(0)
	}
	return m.Failing.Load() != 0 && m.Failing.Swap(0) != 0
}
