// Tests of the affinity table: who keeps a target, for how long, and its
// clock.

package board

import (
	"testing"
)

func entries(b *Board) (n int) {
	for i := range b.affinity() {
		if b.affinity()[i].Load() != 0 {
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
	b.Assignment.StickyFor = 0
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
	b.Assignment.StickyFor = 100
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
	b.Fail(1, 13_000) // another client found out
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
	b.Assignment.RetryAfter = 30
	session(b, client(1), 100, nobody) // target 0
	b.Fail(0, 110_000)
	if got, _ := session(b, client(1), 140, nobody); got != 0 {
		t.Errorf("a due target was not tried: %d", got)
	}
	if b.TargetState(0).Failed.Load() != 0 {
		t.Error("still marked after a good probe")
	}
}

// A slot that is not published (from before a reload, or from a corrupt entry)
// is not used.
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

// The entries' clock wraps after 2^22 seconds, 48 days.
func TestClockWraps(t *testing.T) {
	b := with(t, 3, OptSticky)
	from := client(1)
	b.remember(&from, 2, 1<<timeBits-5)
	if slot, known := b.recall(&from, 1<<timeBits+5); !known || slot != 2 {
		t.Errorf("10 seconds later, behind the wrap: %d, %v", slot, known)
	}
	if _, known := b.recall(&from, 1<<timeBits-4+uint64(b.Assignment.StickyFor)); known {
		t.Error("known after -t seconds, behind the wrap")
	}
}

// A swept entry never looks young again, even when the clock has wrapped.
func TestSweep(t *testing.T) {
	b := with(t, 3, OptSticky)
	b.Assignment.StickyFor = 100
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

// Workers read the clock at the start of an iteration, so one worker may be a
// second late compared with another, and the master's sweep later than all of
// them. An entry "from the future" is young, not old.
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
