// When a worker rings for the master, for various sequences of sessions.

package worker

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// ringer has a bell follow a worker's sessions, and records what the master is told.
type ringer struct {
	bell
	now  int64
	said []string
}

// wait lets this much time pass and rings whenever the bell is due.
func (r *ringer) wait(d time.Duration) {
	until := r.now + int64(d)
	for r.due != 0 && r.due <= until {
		r.now = max(r.now, r.due)
		busy := r.rung(r.now)
		if busy == r.told {
			continue
		}
		word := " spare"
		if r.told = busy; busy {
			word = " busy"
		}
		r.said = append(r.said, time.Duration(r.now).String()+word)
	}
	r.now = until
}

// serve carries sessions of these lengths, with a pause of 50 µs before each.
func (r *ringer) serve(mayBatch bool, sessions ...time.Duration) {
	for _, d := range sessions {
		r.wait(50 * time.Microsecond)
		r.changed(r.now, true, mayBatch)
		r.wait(d)
		r.changed(r.now, false, mayBatch)
	}
}

func TestBell(t *testing.T) {
	const ms = time.Millisecond
	many := func(n int, d ...time.Duration) []time.Duration { return slices.Repeat(d, n) }
	for _, c := range []struct {
		name     string
		mayBatch bool
		sessions []time.Duration
		pause    time.Duration // after the sessions
		want     []string
	}{
		{"a short one", true, many(1, ms), time.Second, nil},
		{"many short ones", true, many(1000, ms), time.Second, nil},
		{"a long one", true, many(1, 9*ms), time.Second, []string{"5.05ms busy", "14.05ms spare"}},
		{"long ones without a pause", true, many(10, 9*ms), time.Second, []string{"5.05ms busy", "95.5ms spare"}},
		{"a long one, then short ones", true, append(many(1, 9*ms), many(100, ms)...), 0, []string{"5.05ms busy", "29.05ms spare"}},
		{"a short one while spares are few", false, many(1, ms), time.Second, []string{"50µs busy", "6.05ms spare"}},
		{"some longer than the others", true, append(many(1, 9*ms), many(20, ms, ms, 6*ms)...), 0, []string{"5.05ms busy"}},
	} {
		var r ringer
		r.serve(c.mayBatch, c.sessions...)
		if r.wait(c.pause); !slices.Equal(r.said, c.want) {
			t.Errorf("%s: %q, want %q", c.name, r.said, c.want)
		}
	}
}

// Whatever the sessions are, the master learns of a long one while it runs, and learns
// soon when there has been none for a while, with or without short sessions.
func TestBellTellsTheTruth(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var r ringer
		for range 100 {
			d := time.Duration(random.Int64N(int64(3 * quick)))
			if r.serve(random.IntN(7) != 0, d); d >= quick && !r.told {
				t.Fatalf("a session of %v ended, and nobody knew: %q", d, r.said)
			}
		}
		if random.IntN(2) == 0 {
			r.serve(true, slices.Repeat([]time.Duration{quick / 10}, 60)...)
		} else {
			r.wait(doubt + 2*quick)
		}
		if r.told {
			t.Fatalf("busy without a long session: %q", r.said)
		}
	}
}
