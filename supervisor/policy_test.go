package supervisor

import (
	"math/rand/v2"
	"testing"
)

func TestBirths(t *testing.T) {
	for _, c := range []struct {
		name string
		s    demand
		want int
	}{
		{"at start", demand{min: 4, max: 16, limit: 100}, 4},
		{"some are on their way", demand{starting: 3, total: 3, min: 4, max: 16, limit: 100}, 1},
		{"enough", demand{spares: 4, total: 9, busy: 5, min: 4, max: 16, limit: 100}, 0},
		{"one was taken", demand{spares: 3, busy: 1, total: 4, min: 4, max: 16, limit: 100}, 1},
		{"more than enough", demand{spares: 30, total: 30, min: 4, max: 16, limit: 100}, 0},
		{"clients wait and nobody is free", demand{busy: 4, total: 4, waiting: 9, min: 4, max: 16, limit: 100}, 9},
		{"no more than max for them", demand{busy: 4, total: 4, waiting: 900, min: 4, max: 16, limit: 100}, 16},
		{"those on their way count", demand{busy: 4, starting: 10, total: 14, waiting: 900, min: 4, max: 16, limit: 100}, 6},
		{"clients wait beside a spare: it is a matter of waking", demand{spares: 4, total: 4, waiting: 9, min: 4, max: 16, limit: 100}, 0},
		{"the limit", demand{busy: 98, total: 98, waiting: 50, min: 4, max: 16, limit: 100}, 2},
		{"at the limit", demand{busy: 100, total: 100, waiting: 50, min: 4, max: 16, limit: 100}, 0},
		{"draining ones count for the limit", demand{busy: 10, total: 100, min: 4, max: 16, limit: 100}, 0},
		{"beyond the limit", demand{busy: 101, total: 101, waiting: 1, min: 4, max: 16, limit: 100}, 0},
		{"asleep", demand{min: 0, max: 8, limit: 100}, 0},
		{"woken", demand{waiting: 1, min: 0, max: 8, limit: 100}, 1},
		{"woken by many", demand{waiting: 100, min: 0, max: 8, limit: 100}, 8},
		{"woken, and on its way", demand{starting: 1, total: 1, waiting: 1, min: 0, max: 8, limit: 100}, 0},
	} {
		if got := c.s.toStart(); got != c.want {
			t.Errorf("%s: %d births, want %d", c.name, got, c.want)
		}
	}
}

func randomSupply(random *rand.Rand) demand {
	s := demand{spares: random.IntN(10), starting: random.IntN(10), busy: random.IntN(10), waiting: random.IntN(40),
		min: random.IntN(10), limit: 1 + random.IntN(40)}
	s.max = s.min + random.IntN(10)
	s.total = s.spares + s.starting + s.busy + random.IntN(5)
	return s
}

func TestBirthsProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		s := randomSupply(random)
		n := s.toStart()
		switch {
		case n < 0:
			t.Fatalf("%+v: %d births", s, n)
		case n > 0 && s.total+n > s.limit:
			t.Fatalf("%+v: %d births exceed the limit", s, n)
		case n > 0 && s.starting+n > max(s.min, s.max):
			t.Fatalf("%+v: %d births, more than max on their way", s, n)
		case s.spares+s.starting+n < s.min && s.total+n < s.limit:
			t.Fatalf("%+v: %d births leave fewer than min", s, n)
		}
		more := s
		more.waiting++
		if more.toStart() < n {
			t.Fatalf("%+v: %d births, and %d with one more client", s, n, more.toStart())
		}
		room := s
		room.limit++
		if room.toStart() < n {
			t.Fatalf("%+v: %d births, and %d with a larger limit", s, n, room.toStart())
		}
		if s.atLimit() && n > 0 {
			t.Fatalf("%+v: short, and yet %d births", s, n)
		}
	}
}

// Whoever waits is served in the end: repeated as births come true, every
// client that the limit allows finds a worker.
func TestBirthsComeToRest(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s := randomSupply(random)
		s.max = max(1, s.max)
		s.limit = max(s.limit, s.total)
		for round := 0; ; round++ {
			if round > 200 {
				t.Fatalf("%+v: births never end", s)
			}
			n := s.toStart()
			s.total += n
			s.spares, s.starting = s.spares+s.starting, n // those on their way arrive
			served := min(s.spares, s.waiting)
			s.spares, s.waiting, s.busy = s.spares-served, s.waiting-served, s.busy+served
			if n == 0 && s.starting == 0 && served == 0 {
				break
			}
		}
		if s.waiting > 0 && s.total < s.limit {
			t.Fatalf("%+v: clients wait for ever", s)
		}
		if s.spares < s.min && s.total < s.limit {
			t.Fatalf("%+v: fewer spares than wanted", s)
		}
	}
}

func TestShort(t *testing.T) {
	full := demand{busy: 5, total: 5, waiting: 1, limit: 5}
	if !full.atLimit() {
		t.Error("clients wait at the limit")
	}
	for name, change := range map[string]func(*demand){
		"nobody waits":  func(s *demand) { s.waiting = 0 },
		"a spare":       func(s *demand) { s.spares = 1 },
		"on its way":    func(s *demand) { s.starting = 1 },
		"room for more": func(s *demand) { s.limit = 6 },
	} {
		s := full
		if change(&s); s.atLimit() {
			t.Errorf("%s: short", name)
		}
	}
}

func TestPlenty(t *testing.T) {
	for _, c := range []struct {
		spares, starting, min int
		want                  bool
	}{{0, 0, 0, false}, {1, 0, 0, true}, {0, 0, 4, false}, {3, 0, 4, false}, {4, 0, 4, true}, {9, 0, 4, true},
		{3, 1, 4, true}, {2, 2, 4, true}, {2, 1, 4, false}, {1, 3, 4, false}, {1, 9, 4, false}, {3, 9, 4, false}, {4, 9, 4, true}, {0, 1, 1, false}, {0, 1, 0, false}} {
		if got := (demand{spares: c.spares, starting: c.starting, min: c.min}).mayBatch(); got != c.want {
			t.Errorf("%d spares of %d, %d on their way: plenty %v", c.spares, c.min, c.starting, got)
		}
	}
}

func TestFarewells(t *testing.T) {
	for _, c := range []struct{ unused, most, want int }{
		{0, 0, 0}, {1, 0, 1}, {8, 0, 1}, {9, 0, 2}, {16, 16, 0}, {3, 16, 0}, {17, 16, 1}, {24, 16, 1}, {25, 16, 2}, {1016, 16, 125},
	} {
		if got := surplus(c.unused, c.most); got != c.want {
			t.Errorf("%d unused, at most %d: %d farewells, want %d", c.unused, c.most, got, c.want)
		}
	}
	for unused := range 300 {
		for most := range 20 {
			n, rounds := unused, 0
			for ; surplus(n, most) > 0; rounds++ {
				n -= surplus(n, most)
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

func TestSuccessors(t *testing.T) {
	for _, c := range []struct{ spares, wanted, peak, want int }{
		{4, 4, 0, 4},    // quiet
		{11, 4, 9, 13},  // what was busy a while ago is not started twice
		{0, 4, 20, 20},  // all are busy: the policy starts its spares, no upgrade
		{0, 0, 0, 0},    // sleeping without processes
		{3, 0, 5, 5},    // of --spares 0:N none is always wanted
		{16, 16, 7, 23}, // all are
	} {
		if got := firstWorkers(c.spares, c.wanted, c.peak); got != c.want {
			t.Errorf("%d spares, %d wanted, %d busy at the most: %d, want %d", c.spares, c.wanted, c.peak, got, c.want)
		}
	}
}
