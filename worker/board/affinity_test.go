package board

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"unsafe"
)

// table is all entries of a board.
func table(b *Board) []atomic.Uint64 {
	return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&b.state[b.AffinityAt])), Affinities)
}

func entries(b *Board) (n int) {
	for i := range table(b) {
		if table(b)[i].Load() != 0 {
			n++
		}
	}
	return n
}

func TestStickyClientsKeepTheirTarget(t *testing.T) {
	b := with(t, 5, OptSticky)
	first := map[int]int{}
	for n := range 10 {
		first[n], _ = session(b, client(n), 100, nobody)
		if first[n] != n%5 {
			t.Errorf("client %d begins with target %d", n, first[n])
		}
	}
	for n := range 10 {
		from := client(n)
		from.Port = 9 // another connection, another port
		if got, _ := session(b, from, 200, nobody); got != first[n] {
			t.Errorf("client %d: target %d, then %d", n, first[n], got)
		}
	}
	if entries(b) != 10 {
		t.Errorf("%d entries for 10 clients", entries(b))
	}
}

// -t 0 remembers nothing, not even within a second.
func TestStickyForNoTime(t *testing.T) {
	b := with(t, 3, OptSticky)
	b.StickyFor = 0
	for want := range 3 {
		if got, _ := session(b, client(1), 10, nobody); got != want {
			t.Errorf("target %d, want %d", got, want)
		}
	}
}

func TestNotStickyRemembersNothing(t *testing.T) {
	b := with(t, 2, 0)
	session(b, client(1), 1, nobody)
	if entries(b) != 0 {
		t.Error("an entry without -f")
	}
}

// -t counts from the client's last attempt, not from its first.
func TestStickinessExpires(t *testing.T) {
	b := with(t, 3, OptSticky)
	b.StickyFor = 100
	at := []uint64{1000, 1099, 1198, 1297}
	for _, now := range at {
		if got, _ := session(b, client(7), now, nobody); got != 0 {
			t.Fatalf("second %d: target %d", now, got)
		}
		session(b, client(8), now, nobody) // moves the rotation on
	}
	if got, _ := session(b, client(7), 1397, nobody); got != 0 {
		t.Error("forgotten after exactly -t seconds")
	}
	if got, _ := session(b, client(7), 1498, nobody); got == 0 {
		t.Error("still remembered after more than -t seconds")
	}
}

func TestFailedTargetIsForgotten(t *testing.T) {
	b := with(t, 3, OptSticky)
	if got, _ := session(b, client(1), 10, nobody); got != 0 {
		t.Fatalf("target %d", got)
	}
	if got, tried := session(b, client(1), 11, only(0)); got != 1 || !equal(tried, []int{0, 1}) {
		t.Fatalf("with target 0 down: tried %v", tried)
	}
	b.Good(0)
	if got, _ := session(b, client(1), 12, nobody); got != 1 {
		t.Errorf("the new target was not remembered: %d", got)
	}
	b.Fail(1, 13_000) // another client found that
	if got, _ := session(b, client(1), 14, nobody); got != 2 {
		t.Errorf("with target 1 failed: %d", got)
	}
	b.Good(1)
	if got, _ := session(b, client(1), 15, nobody); got != 2 {
		t.Errorf("the newest target was not remembered: %d", got)
	}
}

// With -r, a remembered target that is due is probed by its own client.
func TestStickyProbe(t *testing.T) {
	b := with(t, 2, OptSticky)
	b.RetryAfter = 30
	session(b, client(1), 100, nobody) // target 0
	b.Fail(0, 110_000)
	if got, _ := session(b, client(1), 140, nobody); got != 0 {
		t.Errorf("a due target was not tried: %d", got)
	}
	if b.Mark(0).Failed.Load() != 0 {
		t.Error("still marked after a good probe")
	}
}

// A slot beyond the published ones, from before a reload or from a rotten
// entry, is nobody's target.
func TestRememberedSlotIsChecked(t *testing.T) {
	b := with(t, 2, OptSticky)
	from := client(1)
	b.remember(&from, 4000, 10)
	if got, _ := session(b, from, 11, nobody); got != 0 {
		t.Errorf("target %d of 2", got)
	}
}

func TestSameClientInBothForms(t *testing.T) {
	b := with(t, 2, OptSticky)
	plain, mapped := addr("192.0.2.7:1"), addr("[::ffff:192.0.2.7]:2")
	b.remember(&plain, 1, 10)
	if slot, known := b.recall(&mapped, 10); !known || slot != 1 {
		t.Errorf("the mapped form: %d, %v", slot, known)
	}
}

// fellows are clients of one bucket.
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
	b.StickyFor = 50
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

// However many clients there are, the table stays where it is and as large.
func TestTableIsBounded(t *testing.T) {
	b := with(t, 4, OptSticky)
	behind := b.state[b.AffinityAt+Affinities*8:]
	before := b.Mark(MaxTargets - 1)
	for n := range 4 * Affinities {
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
	if n := entries(b); n < Affinities*9/10 {
		t.Errorf("%d of %d entries used by four times as many clients", n, Affinities)
	}
}

// Real networks are blocks of neighbours: they have to spread all the same.
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
		// 8192 balls in 8192 buckets: 63 % of these are hit, by 8 or 9 at most.
		if len(used) < 4700 || most > 14 {
			t.Errorf("%s: %d buckets used by 8192 clients, up to %d in one", network, len(used), most)
		}
		if len(prints) < 8180 {
			t.Errorf("%s: %d fingerprints of 8192 clients", network, len(prints))
		}
	}
}

// Who does not know the key can't tell which clients share a bucket.
func TestKeyDecides(t *testing.T) {
	b := with(t, 4, OptSticky)
	all := fellows(b, 20)
	b.AffinityKey = [2]uint64{rand.Uint64(), rand.Uint64()}
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
		print, slot, now := random.Uint32N(1<<30-1)|1, random.IntN(MaxTargets), random.Uint64()
		e := entry(print, slot, now)
		if uint32(e>>(slotBits+timeBits)) != print || int(e>>timeBits)&slotMask != slot || age(e, now) != 0 {
			t.Fatalf("print %#x, slot %d, second %d: %#x", print, slot, now, e)
		}
		if passed := random.Uint64N(timeMask); age(e, now+passed) != passed {
			t.Fatalf("age after %d seconds: %d", passed, age(e, now+passed))
		}
	}
	if bits.Len(uint(MaxTargets-1)) > slotBits {
		t.Error("a slot has no room in an entry")
	}
}

// The entries' clock wraps after 2^22 seconds, 48 days.
func TestClockWraps(t *testing.T) {
	b := with(t, 3, OptSticky)
	from := client(1)
	b.remember(&from, 2, 1<<timeBits-5)
	if slot, known := b.recall(&from, 1<<timeBits+5); !known || slot != 2 {
		t.Errorf("10 seconds later, behind the wrap: %d, %v", slot, known)
	}
	if _, known := b.recall(&from, 1<<timeBits-4+uint64(b.StickyFor)); known {
		t.Error("known after -t seconds, behind the wrap")
	}
}

// A swept entry never looks young again, though the clock comes round.
func TestSweep(t *testing.T) {
	b := with(t, 3, OptSticky)
	b.StickyFor = 100
	old, young := client(1), client(2)
	b.remember(&old, 1, 1000)
	b.remember(&young, 2, 1050)
	b.Sweep(1100)
	if entries(b) != 2 {
		t.Fatal("swept before its time")
	}
	b.Sweep(1101)
	if entries(b) != 1 {
		t.Fatalf("%d entries after the sweep", entries(b))
	}
	if _, known := b.recall(&young, 1100); !known {
		t.Error("the young one is gone")
	}
	if _, known := b.recall(&old, 1000+1<<timeBits); known {
		t.Error("the old one came back with the clock")
	}
}

// Workers look at the clock at the start of their turn, so one of them may be a
// second behind another, and the master's sweep behind all of them: what was
// remembered "in the future" is young, not old.
func TestClocksOfTwoWorkers(t *testing.T) {
	b := with(t, 3, OptSticky)
	from := client(1)
	b.remember(&from, 2, 101)
	if slot, known := b.recall(&from, 100); !known || slot != 2 {
		t.Errorf("a second earlier: %d, %v", slot, known)
	}
	b.Sweep(100)
	if _, known := b.recall(&from, 101); !known {
		t.Error("the sweep took a young entry")
	}
}
