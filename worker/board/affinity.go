// The affinity table (-f): which target a client used last, in one word per
// client; how it is read, written, swept and copied to another board.

package board

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// An affinity entry is one word: a keyed fingerprint of the client's address
// (30 bits, never 0), the target slot (12) and the second of the last attempt
// (22, modulo). The table is bounded: a full bucket drops its oldest entry.
const (
	timeBits = 22
	timeMask = 1<<timeBits - 1
	slotBits = 12
	slotMask = 1<<slotBits - 1

	// MaxSticky is the longest -t, in seconds: half of what the entry's clock
	// can tell apart. config.MaxSticky refuses more.
	MaxSticky = 1 << (timeBits - 1)
)

type affinityWord = atomic.Uint64

func entry(print uint32, slot int, now uint64) uint64 {
	return uint64(print)<<(slotBits+timeBits) | uint64(slot)<<timeBits | now&timeMask
}

// age is how many seconds ago the entry was stored. Processes read their
// clocks at different times, so an entry that seems to be up to a minute in
// the future counts as new.
func age(e, now uint64) uint64 {
	a := (now - e) & timeMask
	if a > timeMask-60 {
		return 0
	}
	return a
}

// bucket finds where the client's entry may be, and its fingerprint. The key
// is secret and new for each start: clients cannot choose addresses that fall
// into one bucket.
func (b *Board) bucket(client *Addr) (*[affinityWays]affinityWord, uint32) {
	lo := binary.LittleEndian.Uint64(client.IP[:8]) ^ b.Assignment.AffinityKey[0]
	hi := binary.LittleEndian.Uint64(client.IP[8:]) ^ b.Assignment.AffinityKey[1]
	x, y := bits.Mul64(lo|1, hi|1)
	x, y = bits.Mul64(x^y^b.Assignment.AffinityKey[1], lo^bits.RotateLeft64(hi, 32)^0x9e3779b97f4a7c15)
	h := x ^ y
	i := h % (b.Tables.Affinity.Count / affinityWays)
	print := uint32(h>>34) | 1
	return b.affinityBucket(i), print & (1<<30 - 1)
}

// recall reports which target the client used, unless that was too long ago.
func (b *Board) recall(client *Addr, now uint64) (slot int, known bool) {
	ways, print := b.bucket(client)
	for i := range ways {
		e := ways[i].Load()
		if e != 0 && uint32(e>>(slotBits+timeBits)) == print {
			return int(e>>timeBits) & slotMask, b.Assignment.StickyFor != 0 && age(e, now) <= uint64(b.Assignment.StickyFor)
		}
	}
	return 0, false
}

// remember notes the client's target and the time of this attempt.
func (b *Board) remember(client *Addr, slot int, now uint64) {
	ways, print := b.bucket(client)
	for range 4 { // a lost race: another client's entry was stored; give up rather than spin
		at, old := place(ways, print, now, uint64(b.Assignment.StickyFor))
		if ways[at].CompareAndSwap(old, entry(print, slot, now)) {
			return
		}
	}
}

// place finds the client's own entry, or else a free or expired one, or else
// the oldest.
func place(ways *[affinityWays]affinityWord, print uint32, now, stickyFor uint64) (at int, old uint64) {
	at, old = -1, 0
	oldest := uint64(0)
	for i := range ways {
		e := ways[i].Load()
		if e != 0 && uint32(e>>(slotBits+timeBits)) == print {
			return i, e
		}
		a := uint64(timeMask + 1)
		if e != 0 {
			a = age(e, now)
		}
		if at < 0 || a > oldest {
			at, old, oldest = i, e, a
		}
	}
	return at, old
}

// Sweep clears expired entries. The entries' clock wraps, so without it an old
// entry would look young again. One sweep in MaxSticky seconds is enough.
func (b *Board) Sweep(now uint64) {
	table := b.affinity()
	for i := range table {
		if e := table[i].Load(); e != 0 && age(e, now) > uint64(b.Assignment.StickyFor) {
			table[i].CompareAndSwap(e, 0)
		}
	}
}

// Forget removes all entries of a target slot.
func (b *Board) Forget(slot int) {
	table := b.affinity()
	for i := range table {
		if e := table[i].Load(); e != 0 && int(e>>timeBits)&slotMask == slot {
			table[i].CompareAndSwap(e, 0)
		}
	}
}

// CopyAffinity copies the entries of another board with the same key; slots
// has this board's slot, or -1, for each target slot of that one.
func (b *Board) CopyAffinity(from *Board, slots []int) {
	old, table := from.affinity(), b.affinity()
	if len(old) != len(table) {
		return // an entry's place depends on the size of its table
	}
	for i := range old {
		e := old[i].Load()
		if e == 0 {
			continue
		}
		if slot := int(e>>timeBits) & slotMask; slot < len(slots) && slots[slot] >= 0 {
			table[i].Store(entry(uint32(e>>(slotBits+timeBits)), slots[slot], e))
		}
	}
}
