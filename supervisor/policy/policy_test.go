// Tests of the pool policy: tables of cases, and properties of random plugs.
// Repeated until nothing changes, every client that the limit allows is served.

package policy

import (
	"math/rand/v2"
	"testing"
)

func TestToStart(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Demand
		want int
	}{
		{"at start", Demand{Min: 4, Max: 16, Limit: 100}, 4},
		{"some are on their way", Demand{Starting: 3, Total: 3, Min: 4, Max: 16, Limit: 100}, 1},
		{"enough", Demand{Spares: 4, Total: 9, Busy: 5, Min: 4, Max: 16, Limit: 100}, 0},
		{"one was taken", Demand{Spares: 3, Busy: 1, Total: 4, Min: 4, Max: 16, Limit: 100}, 1},
		{"more than enough", Demand{Spares: 30, Total: 30, Min: 4, Max: 16, Limit: 100}, 0},
		{"clients wait and nobody is free", Demand{Busy: 4, Total: 4, Waiting: 9, Min: 4, Max: 16, Limit: 100}, 9},
		{"no more than max for them", Demand{Busy: 4, Total: 4, Waiting: 900, Min: 4, Max: 16, Limit: 100}, 16},
		{"those on their way count", Demand{Busy: 4, Starting: 10, Total: 14, Waiting: 900, Min: 4, Max: 16, Limit: 100}, 6},
		{"clients wait beside a spare: it is a matter of waking", Demand{Spares: 4, Total: 4, Waiting: 9, Min: 4, Max: 16, Limit: 100}, 0},
		{"the limit", Demand{Busy: 98, Total: 98, Waiting: 50, Min: 4, Max: 16, Limit: 100}, 2},
		{"at the limit", Demand{Busy: 100, Total: 100, Waiting: 50, Min: 4, Max: 16, Limit: 100}, 0},
		{"draining ones count for the limit", Demand{Busy: 10, Total: 100, Min: 4, Max: 16, Limit: 100}, 0},
		{"beyond the limit", Demand{Busy: 101, Total: 101, Waiting: 1, Min: 4, Max: 16, Limit: 100}, 0},
		{"asleep", Demand{Min: 0, Max: 8, Limit: 100}, 0},
		{"woken", Demand{Waiting: 1, Min: 0, Max: 8, Limit: 100}, 1},
		{"woken by many", Demand{Waiting: 100, Min: 0, Max: 8, Limit: 100}, 8},
		{"woken, and on its way", Demand{Starting: 1, Total: 1, Waiting: 1, Min: 0, Max: 8, Limit: 100}, 0},
	} {
		if got := c.s.ToStart(); got != c.want {
			t.Errorf("%s: %d to start, want %d", c.name, got, c.want)
		}
	}
}

func randomDemand(random *rand.Rand) Demand {
	s := Demand{Spares: random.IntN(10), Starting: random.IntN(10), Busy: random.IntN(10), Waiting: random.IntN(40),
		Min: random.IntN(10), Limit: 1 + random.IntN(40)}
	s.Max = s.Min + random.IntN(10)
	s.Total = s.Spares + s.Starting + s.Busy + random.IntN(5)
	return s
}

func TestToStartProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		s := randomDemand(random)
		n := s.ToStart()
		switch {
		case n < 0:
			t.Fatalf("%+v: %d to start", s, n)
		case n > 0 && s.Total+n > s.Limit:
			t.Fatalf("%+v: %d to start exceed the limit", s, n)
		case n > 0 && s.Starting+n > max(s.Min, s.Max):
			t.Fatalf("%+v: %d to start, more than max on their way", s, n)
		case s.Spares+s.Starting+n < s.Min && s.Total+n < s.Limit:
			t.Fatalf("%+v: %d to start leave fewer than min", s, n)
		}
		more := s
		more.Waiting++
		if more.ToStart() < n {
			t.Fatalf("%+v: %d to start, and %d with one more client", s, n, more.ToStart())
		}
		room := s
		room.Limit++
		if room.ToStart() < n {
			t.Fatalf("%+v: %d to start, and %d with a larger limit", s, n, room.ToStart())
		}
		if s.AtLimit() && n > 0 {
			t.Fatalf("%+v: at the limit, and yet %d to start", s, n)
		}
	}
}

// Every waiting client is served in the end: when the policy is applied again
// after all starts have succeeded, each client that the limit allows finds a
// worker.
func TestDemandIsMet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s := randomDemand(random)
		s.Max = max(1, s.Max)
		s.Limit = max(s.Limit, s.Total)
		for round := 0; ; round++ {
			if round > 200 {
				t.Fatalf("%+v: there is always one more to start", s)
			}
			n := s.ToStart()
			s.Total += n
			s.Spares, s.Starting = s.Spares+s.Starting, n // the starting ones become ready
			served := min(s.Spares, s.Waiting)
			s.Spares, s.Waiting, s.Busy = s.Spares-served, s.Waiting-served, s.Busy+served
			if n == 0 && s.Starting == 0 && served == 0 {
				break
			}
		}
		if s.Waiting > 0 && s.Total < s.Limit {
			t.Fatalf("%+v: clients wait for ever", s)
		}
		if s.Spares < s.Min && s.Total < s.Limit {
			t.Fatalf("%+v: fewer spares than wanted", s)
		}
	}
}

func TestAtLimit(t *testing.T) {
	full := Demand{Busy: 5, Total: 5, Waiting: 1, Limit: 5}
	if !full.AtLimit() {
		t.Error("clients wait at the limit")
	}
	for name, change := range map[string]func(*Demand){
		"nobody waits":  func(s *Demand) { s.Waiting = 0 },
		"a spare":       func(s *Demand) { s.Spares = 1 },
		"on its way":    func(s *Demand) { s.Starting = 1 },
		"room for more": func(s *Demand) { s.Limit = 6 },
	} {
		s := full
		if change(&s); s.AtLimit() {
			t.Errorf("%s: at the limit", name)
		}
	}
}

func TestMayBatch(t *testing.T) {
	for _, c := range []struct {
		spares, starting, min int
		want                  bool
	}{{0, 0, 0, false}, {1, 0, 0, true}, {0, 0, 4, false}, {3, 0, 4, false}, {4, 0, 4, true}, {9, 0, 4, true},
		{3, 1, 4, true}, {2, 2, 4, true}, {2, 1, 4, false}, {1, 3, 4, false}, {1, 9, 4, false}, {3, 9, 4, false}, {4, 9, 4, true}, {0, 1, 1, false}, {0, 1, 0, false}} {
		if got := (Demand{Spares: c.spares, Starting: c.starting, Min: c.min}).MayBatch(); got != c.want {
			t.Errorf("%d spares of %d, %d on their way: may batch: %v", c.spares, c.min, c.starting, got)
		}
	}
}

func TestSurplus(t *testing.T) {
	for _, c := range []struct{ unused, most, want int }{
		{0, 0, 0}, {1, 0, 1}, {8, 0, 1}, {9, 0, 2}, {16, 16, 0}, {3, 16, 0}, {17, 16, 1}, {24, 16, 1}, {25, 16, 2}, {1016, 16, 125},
	} {
		if got := Surplus(c.unused, c.most); got != c.want {
			t.Errorf("%d unused, at most %d: %d to retire, want %d", c.unused, c.most, got, c.want)
		}
	}
	for unused := range 300 {
		for most := range 20 {
			n, rounds := unused, 0
			for ; Surplus(n, most) > 0; rounds++ {
				n -= Surplus(n, most)
			}
			if want := min(unused, most); n != want {
				t.Fatalf("%d unused, at most %d: %d in the end", unused, most, n)
			}
			if unused-most > 100 && rounds < 10 {
				t.Fatalf("%d unused, at most %d: all gone in %d rounds", unused, most, rounds)
			}
		}
	}
}

func TestFirstWorkers(t *testing.T) {
	for _, c := range []struct{ spares, wanted, peak, want int }{
		{4, 4, 0, 4},    // no load
		{11, 4, 9, 13},  // the spares of an earlier burst are not started again
		{0, 4, 20, 20},  // all are busy: the policy starts the spares, not the upgrade
		{0, 0, 0, 0},    // idle, without workers
		{3, 0, 5, 5},    // with --spares 0:N no spare is always wanted
		{16, 16, 7, 23}, // all spares are always wanted
	} {
		if got := FirstWorkers(c.spares, c.wanted, c.peak); got != c.want {
			t.Errorf("%d spares, %d wanted, %d busy at the most: %d, want %d", c.spares, c.wanted, c.peak, got, c.want)
		}
	}
}
