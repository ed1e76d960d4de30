// The totals of a plug: sessions, bytes, deaths, upgrades, and how a worker's
// tally and an older master's totals are added to them.

// Package counters is what a plug has counted since it was started. Its types
// travel from one master to the next at an upgrade.
package counters

import "daemon/plug/worker/board"

// Totals are what buried workers and masters have counted. They travel from
// one master to the next as they are; fields are only ever added.
type Totals struct {
	Ended        [board.Outcomes]uint64 `json:"ended"`
	BytesIn      uint64                 `json:"bytes_in"`
	BytesOut     uint64                 `json:"bytes_out"`
	Refused      uint64                 `json:"refused"`
	Ends         Ends                   `json:"ends"`
	Redispatches uint64                 `json:"redispatches"`
	Durations    Times                  `json:"durations"`

	LinesLost     uint64 `json:"lines_lost"` // session lines given up by workers
	LinesRetried  uint64 `json:"lines_retried"`
	LogsLost      uint64 `json:"logs_lost"`    // syslog records that were not taken
	LogsDropped   uint64 `json:"logs_dropped"` // log lines that stderr did not take
	BellOverflows uint64 `json:"bell_overflows"`

	Spawns        uint64   `json:"spawns"`
	SpawnFailures uint64   `json:"spawn_failures"`
	Deaths        Deaths   `json:"deaths"`
	Upgrades      Upgrades `json:"upgrades"`
	PidfileWrites uint64   `json:"pidfile_writes"`
	Requests      uint64   `json:"requests"`
	Started       int64    `json:"started"` // the plug, Unix ns

	// What was shown of sums that live sessions are in: such a sum may be seen
	// smaller for a moment, while a session passes from its row to a column.
	Shown Shown `json:"shown"`
}

// Times are a Histogram of the board, as plain numbers.
type Times struct {
	Counts [board.Buckets]uint64 `json:"counts"`
	Sum    uint64                `json:"sum"` // ns
}

// Deaths are those of workers, by signal; 0 is an exit.
type Deaths struct {
	By      [65]uint64 `json:"by_signal"`
	Unknown uint64     `json:"unknown"` // of adopted ones, which tell their status to nobody
}

// Upgrades counts upgrades by how they went.
type Upgrades struct {
	Done   uint64 `json:"done"`
	Failed uint64 `json:"failed"`
}

// Shown is what metrics showed last of sums that must never go back.
type Shown struct {
	Accepted uint64 `json:"accepted"`
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
}

// Add puts what an old master has counted to what this one has.
func (t *Totals) Add(o *Totals) {
	for i, n := range o.Ended {
		t.Ended[i] += n
		for who, n := range o.Ends[i] {
			t.Ends[i][who] += n
		}
	}
	for i, n := range o.Deaths.By {
		t.Deaths.By[i] += n
	}
	t.Deaths.Unknown += o.Deaths.Unknown
	t.Durations.add(&o.Durations)
	for _, sum := range [...]struct{ to, of *uint64 }{
		{&t.BytesIn, &o.BytesIn}, {&t.BytesOut, &o.BytesOut}, {&t.Refused, &o.Refused}, {&t.Redispatches, &o.Redispatches},
		{&t.LinesLost, &o.LinesLost}, {&t.LinesRetried, &o.LinesRetried}, {&t.LogsLost, &o.LogsLost}, {&t.LogsDropped, &o.LogsDropped}, {&t.BellOverflows, &o.BellOverflows},
		{&t.Spawns, &o.Spawns}, {&t.SpawnFailures, &o.SpawnFailures}, {&t.PidfileWrites, &o.PidfileWrites}, {&t.Requests, &o.Requests},
		{&t.Upgrades.Done, &o.Upgrades.Done}, {&t.Upgrades.Failed, &o.Upgrades.Failed},
	} {
		*sum.to += *sum.of
	}
	t.Started, t.Shown = o.Started, o.Shown
}

func (t *Times) add(o *Times) {
	for i, n := range o.Counts {
		t.Counts[i] += n
	}
	t.Sum += o.Sum
}

// See adds what a worker has counted.
func (t *Times) See(w *board.Histogram) {
	for i := range w.Counts {
		t.Counts[i] += w.Counts[i].Load()
	}
	t.Sum += w.Sum.Load()
}

// note counts one time.
func (t *Times) note(b *board.Bounds, ns int64) {
	t.Counts[b.Bucket(ns)]++
	t.Sum += uint64(max(0, ns))
}

// NoteSession counts a session that its worker could not count.
func (t *Totals) NoteSession(s *board.Snapshot) {
	t.Durations.note(&board.DurationBounds, s.Closed-s.BeginAt)
}

// See adds what a worker has tallied.
func (t *Totals) See(w *board.Tally) {
	t.Durations.See(&w.Durations)
	t.BellOverflows += w.BellOverflows.Load()
	t.LinesRetried += w.LinesRetried.Load()
	t.LogsDropped += w.LogsDropped.Load()
}

// Absorb takes a dead worker's tally over.
func (t *Totals) Absorb(w *board.Tally) {
	t.See(w)
	w.Clear()
}

// Died counts a worker's death by a signal; 0 is an exit. That of an adopted
// worker may not be known.
func (t *Totals) Died(known bool, signal int) {
	switch {
	case !known:
		t.Deaths.Unknown++
	case signal < len(t.Deaths.By):
		t.Deaths.By[max(0, signal)]++
	}
}
