package supervisor

// demand is all that the pool policy looks at.
type demand struct {
	spares, starting, busy int // workers, draining ones not counted
	waiting                int // clients in the kernel's queue, if anybody looked
	min, max               int // spares wanted
	limit                  int // workers allowed, draining ones counted by total
	total                  int // workers that exist
}

// toStart is how many workers to start now: enough for the spares wanted and,
// when clients wait and nobody is free, for those clients too, but never more
// than max on their way at a time.
func (s demand) toStart() int {
	want := s.min
	if s.spares == 0 && s.waiting > 0 {
		want = max(want, min(s.waiting, s.max))
	}
	return max(0, min(want-s.spares-s.starting, s.limit-s.total))
}

// atLimit reports that clients wait and the limit forbids to start a worker for them.
func (s demand) atLimit() bool {
	return s.waiting > 0 && s.spares == 0 && s.starting == 0 && s.total >= s.limit
}

// mayBatch tells workers that their doorbells may wait for company: what is wanted is
// there, or half of it, and the others are on their way. Bells that don't wait
// tell of the shortest sessions, too, and have a busy plug start workers that
// nobody needs. In a burst, with more on their way than are missing, they don't.
func (s demand) mayBatch() bool {
	enough := s.spares >= s.min || 2*s.spares >= s.min && s.spares+s.starting >= s.min && s.starting < s.min
	return s.spares > 0 && enough
}

// surplus is how many spares to let go, when this many were never needed over
// a while: an eighth of the surplus at a time, so that a burst leaves slowly.
func surplus(unused, most int) int {
	if unused <= most {
		return 0
	}
	return (unused - most + 7) / 8
}

// firstWorkers is how many workers a new master begins with: as many as were busy at the
// most, and of the spares those that are always wanted. The others are what once
// was busy, and each start costs a millisecond and a half that clients would have
// had.
func firstWorkers(spares, wanted, peak int) int { return peak + min(spares, wanted) }
