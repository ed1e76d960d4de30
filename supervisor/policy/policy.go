// The pool policy: how many workers a plug starts, and how many spares it retires.
// It only calculates: supply.go of package supervisor counts and acts.

// Package policy decides how many workers a plug has. It works on numbers only,
// and imports nothing of this project.
package policy

// Demand is all the input of the pool policy.
type Demand struct {
	Spares, Starting, Busy int // workers, draining ones not counted
	Waiting                int // clients in the kernel's queue; 0 if they were not counted
	Min, Max               int // spares wanted
	Limit                  int // workers allowed, draining ones counted by Total
	Total                  int // workers that exist
}

// ToStart returns how many workers to start now: enough for the spares wanted and,
// when clients wait and no spare is free, for those clients too. No more than Max
// workers start at a time.
func (s Demand) ToStart() int {
	want := s.Min
	if s.Spares == 0 && s.Waiting > 0 {
		want = max(want, min(s.Waiting, s.Max))
	}
	return max(0, min(want-s.Spares-s.Starting, s.Limit-s.Total))
}

// AtLimit reports whether clients wait and the limit forbids starting a worker for
// them.
func (s Demand) AtLimit() bool {
	return s.Waiting > 0 && s.Spares == 0 && s.Starting == 0 && s.Total >= s.Limit
}

// MayBatch reports whether workers may send several doorbells together: the spares
// wanted exist, or half of them exist and the others are starting. Doorbells that
// are sent at once report even the shortest sessions, which makes a busy plug
// start workers that it does not need. In a burst, when more workers are starting
// than are missing, doorbells must be sent at once.
func (s Demand) MayBatch() bool {
	enough := s.Spares >= s.Min || 2*s.Spares >= s.Min && s.Spares+s.Starting >= s.Min && s.Starting < s.Min
	return s.Spares > 0 && enough
}

// Surplus returns how many spares to retire when this many were never needed for a
// while: an eighth of the surplus at a time, so that capacity shrinks slowly after
// a burst.
func Surplus(unused, most int) int {
	if unused <= most {
		return 0
	}
	return (unused - most + 7) / 8
}

// FirstWorkers returns how many workers a new master begins with: the highest
// number of busy ones, plus the spares that are always wanted. The old master's
// other spares are left over from busier times, and each start takes 1.5 ms of CPU
// time from the clients.
func FirstWorkers(spares, wanted, peak int) int { return peak + min(spares, wanted) }
