// A worker's counts besides its column: ended sessions by cause, histograms of
// durations, lost and retried lines.

package board

import (
	"sync/atomic"
	"time"
)

// Tally holds a worker's counts besides its Column, in a table of its own.
// Only that worker writes it, and the master clears it when it buries the
// worker.
type Tally struct {
	Durations Histogram // of ended sessions

	BellOverflows atomic.Uint64 // doorbells that found the pipe full
	LinesRetried  atomic.Uint64 // session lines that had to be written again
	LogsDropped   atomic.Uint64 // log lines that could not be written to stderr

	Ends Ends // ended sessions by outcome and culprit
	_    [160]byte
}

// Ends are counts of ended sessions by outcome and by who ended them.
type Ends [Outcomes][Culprits]atomic.Uint64

// Note counts an ended session.
func (e *Ends) Note(outcome Outcome, who Culprit) { e[outcome%Outcomes][who%Culprits].Add(1) }

// By is how many sessions a culprit has ended, with any outcome.
func (e *Ends) By(who Culprit) (n uint64) {
	for outcome := range e {
		n += e[outcome][who].Load()
	}
	return n
}

// Clear sets all counts to 0.
func (e *Ends) Clear() {
	for outcome := range e {
		for who := range e[outcome] {
			e[outcome][who].Store(0)
		}
	}
}

// Buckets is the number of a histogram's buckets.
const Buckets = 16

// Histogram counts times in buckets.
type Histogram struct {
	Counts [Buckets]atomic.Uint64
	Sum    atomic.Uint64 // ns
}

// Bounds are the longest times of each bucket, in ns; the last bucket has no
// bound.
type Bounds [Buckets - 1]int64

// DurationBounds are the bounds of the Tally's times, ConnectBounds those of
// the TargetTally's. They are part of the layout.
var (
	DurationBounds = Bounds{ms, 10 * ms, 100 * ms, 500 * ms, 1000 * ms, 5000 * ms, 10_000 * ms, 30_000 * ms, 60_000 * ms,
		300_000 * ms, 600_000 * ms, 1_800_000 * ms, 3_600_000 * ms, 21_600_000 * ms, 86_400_000 * ms}
	ConnectBounds = Bounds{ms / 10, ms / 4, ms / 2, ms, 5 * ms / 2, 5 * ms, 10 * ms, 25 * ms, 50 * ms,
		100 * ms, 250 * ms, 500 * ms, 1000 * ms, 2500 * ms, 5000 * ms}
)

const ms = int64(time.Millisecond)

// Bucket is the bucket of a time.
func (b *Bounds) Bucket(ns int64) int {
	for i, most := range b {
		if ns <= most {
			return i
		}
	}
	return Buckets - 1
}

// Note counts a time.
func (t *Histogram) Note(b *Bounds, ns int64) {
	t.Counts[b.Bucket(ns)].Add(1)
	t.Sum.Add(uint64(max(0, ns)))
}

// NoteSession counts an ended session.
func (t *Tally) NoteSession(s *Snapshot) { t.Durations.Note(&DurationBounds, s.Closed-s.BeginAt) }

// Clear sets all counts to 0; the worker must be dead.
func (t *Tally) Clear() {
	for i := range t.Durations.Counts {
		t.Durations.Counts[i].Store(0)
	}
	t.Durations.Sum.Store(0)
	t.Ends.Clear()
	t.BellOverflows.Store(0)
	t.LinesRetried.Store(0)
	t.LogsDropped.Store(0)
}
