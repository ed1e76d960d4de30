// The pool policy: how many workers a plug starts, and how many spares it lets
// go. It only calculates: supply.go of package supervisor counts and acts.

// Package policy decides how many workers a plug has. It knows numbers only, and
// imports nothing of this project.
package policy

// Demand is all that the pool policy looks at.
type Demand struct {
	Spares, Starting, Busy int // workers, draining ones not counted
	Waiting                int // clients in the kernel's queue, if anybody looked
	Min, Max               int // spares wanted
	Limit                  int // workers allowed, draining ones counted by Total
	Total                  int // workers that exist
}

// ToStart is how many workers to start now: enough for the spares wanted and,
// when clients wait and nobody is free, for those clients too, but never more
// than Max on their way at a time.
func (s Demand) ToStart() int {
	want := s.Min
	if s.Spares == 0 && s.Waiting > 0 {
		want = max(want, min(s.Waiting, s.Max))
	}
	return max(0, min(want-s.Spares-s.Starting, s.Limit-s.Total))
}

// AtLimit reports whether clients wait and the limit forbids to start a worker for
// them.
func (s Demand) AtLimit() bool {
	return s.Waiting > 0 && s.Spares == 0 && s.Starting == 0 && s.Total >= s.Limit
}

// MayBatch reports whether workers may send several doorbells together: the spares
// wanted are there, or half of them are and the others are on their way. Doorbells
// that don't wait also tell of the shortest sessions, and make a busy plug start
// workers that nobody needs. In a burst, when more are on their way than are
// missing, they must not wait.
func (s Demand) MayBatch() bool {
	enough := s.Spares >= s.Min || 2*s.Spares >= s.Min && s.Spares+s.Starting >= s.Min && s.Starting < s.Min
	return s.Spares > 0 && enough
}

// Surplus is how many spares to let go, when this many were never needed over
// a while: an eighth of the surplus at a time, so that a burst leaves slowly.
func Surplus(unused, most int) int {
	if unused <= most {
		return 0
	}
	return (unused - most + 7) / 8
}

// FirstWorkers is how many workers a new master begins with: as many as were busy at the
// most, and of the spares those that are always wanted. The others are what once
// was busy, and each start costs a millisecond and a half that clients would have
// had.
func FirstWorkers(spares, wanted, peak int) int { return peak + min(spares, wanted) }
