// Tests of the affinity table's buckets: which entry is replaced, how clients
// spread, and what the key is for.

package board

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// fellows returns n clients that share one bucket.
func fellows(b *Board, n int) (clients []Addr) {
	first := client(0)
	ways, _ := b.bucket(&first)
	prints := map[uint32]bool{}
	for i := 0; len(clients) < n; i++ {
		c := client(i)
		if w, print := b.bucket(&c); w == ways && !prints[print] {
			prints[print] = true
			clients = append(clients, c)
		}
	}
	return clients
}

func TestFullBucketGivesUpItsOldest(t *testing.T) {
	b := with(t, 100, OptSticky)
	all := fellows(b, affinityWays+2)
	for i := range affinityWays {
		b.remember(&all[i], i, uint64(100+i))
	}
	b.remember(&all[0], 0, 200) // client 0 came back: client 1 is the oldest now
	b.remember(&all[affinityWays], 50, 201)
	for i := range affinityWays + 1 {
		slot, known := b.recall(&all[i], 202)
		switch {
		case i == 1 && known:
			t.Errorf("client 1 is the oldest, and still there")
		case i == affinityWays && (!known || slot != 50):
			t.Errorf("the newcomer: %d, %v", slot, known)
		case i != 1 && i != affinityWays && (!known || slot != i):
			t.Errorf("client %d: %d, %v", i, slot, known)
		}
	}
	b.remember(&all[affinityWays+1], 51, 203) // and then client 2
	if _, known := b.recall(&all[2], 204); known {
		t.Error("client 2 was the oldest, and is still there")
	}
}

func TestExpiredEntriesGoFirst(t *testing.T) {
	b := with(t, 10, OptSticky)
	b.Assignment.StickyFor = 50
	all := fellows(b, affinityWays+1)
	for i := range affinityWays {
		b.remember(&all[i], 1, 1000)
	}
	b.remember(&all[3], 1, 900) // as if it had not come back
	b.remember(&all[affinityWays], 2, 1000)
	for i := range affinityWays + 1 {
		if _, known := b.recall(&all[i], 1001); known == (i == 3) {
			t.Errorf("client %d known: %v", i, known)
		}
	}
}

// The table neither moves nor grows, however many clients there are.
func TestTableIsBounded(t *testing.T) {
	b := with(t, 4, OptSticky)
	behind := b.state[b.Tables.Affinity.end():]
	before := b.TargetState(TargetSlots - 1)
	for n := range 4 * AffinityEntries {
		c := client(n)
		b.remember(&c, n%4, uint64(n))
	}
	for i, v := range behind[:page] {
		if v != 0 {
			t.Fatalf("byte %d behind the table was written", i)
		}
	}
	if before.Failed.Load() != 0 || before.Connects.Load() != 0 || before.Failures.Load() != 0 {
		t.Error("the marks before the table were written")
	}
	if n := entries(b); n < AffinityEntries*9/10 {
		t.Errorf("%d of %d entries used by four times as many clients", n, AffinityEntries)
	}
}

// Real networks are blocks of neighbouring addresses: they must spread, too.
func TestBucketsSpread(t *testing.T) {
	b := with(t, 4, OptSticky)
	for _, network := range []string{"10.0.0.0:1", "[2001:db8:1:2::]:1", "[2001:db8::1]:1"} {
		used := map[*[affinityWays]atomic.Uint64]int{}
		prints := map[uint32]bool{}
		at := addr(network)
		for n := range 1 << 13 {
			c := at
			from := 14
			if network[len(network)-4] != ':' {
				from = 6 // one host in each /64
			}
			c.IP[from], c.IP[from+1] = byte(n>>8), byte(n)
			ways, print := b.bucket(&c)
			used[ways]++
			prints[print] = true
		}
		most := 0
		for _, n := range used {
			most = max(most, n)
		}
		// 8192 balls in 8192 buckets: 63 % of them are hit, each at most 8 or 9 times.
		if len(used) < 4700 || most > 14 {
			t.Errorf("%s: %d buckets used by 8192 clients, up to %d in one", network, len(used), most)
		}
		if len(prints) < 8180 {
			t.Errorf("%s: %d fingerprints of 8192 clients", network, len(prints))
		}
	}
}

// Without the key, it cannot be predicted which clients share a bucket.
func TestKeyDecides(t *testing.T) {
	b := with(t, 4, OptSticky)
	all := fellows(b, 20)
	b.Assignment.AffinityKey = [2]uint64{rand.Uint64(), rand.Uint64()}
	ways := map[*[affinityWays]atomic.Uint64]bool{}
	for i := range all {
		w, _ := b.bucket(&all[i])
		ways[w] = true
	}
	if len(ways) < 15 {
		t.Errorf("20 clients of one bucket lie in %d with another key", len(ways))
	}
}

func TestEntryHoldsItsParts(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		print, slot, now := random.Uint32N(1<<30-1)|1, random.IntN(TargetSlots), random.Uint64()
		e := entry(print, slot, now)
		if uint32(e>>(slotBits+timeBits)) != print || int(e>>timeBits)&slotMask != slot || age(e, now) != 0 {
			t.Fatalf("print %#x, slot %d, second %d: %#x", print, slot, now, e)
		}
		if passed := random.Uint64N(timeMask); age(e, now+passed) != passed {
			t.Fatalf("age after %d seconds: %d", passed, age(e, now+passed))
		}
	}
	if bits.Len(uint(TargetSlots-1)) > slotBits {
		t.Error("a slot has no room in an entry")
	}
}
