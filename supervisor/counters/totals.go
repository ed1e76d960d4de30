// The totals of a plug: sessions, bytes, deaths, upgrades, and how a worker's
// tally and an older master's totals are added to them.

// Package counters holds what a plug has counted since it was started. An upgrade
// sends its types from the old master to the new one.
package counters

import "daemon/plug/worker/board"

// Totals are what buried workers and earlier masters have counted. An upgrade
// sends them to the new master unchanged; fields are only ever added.
type Totals struct {
	Ended        [board.Outcomes]uint64 `json:"ended"`
	BytesIn      uint64                 `json:"bytes_in"`
	BytesOut     uint64                 `json:"bytes_out"`
	Refused      uint64                 `json:"refused"`
	Ends         Ends                   `json:"ends"`
	Redispatches uint64                 `json:"redispatches"`
	Durations    Times                  `json:"durations"`

	LinesLost     uint64 `json:"lines_lost"` // session lines that workers discarded
	LinesRetried  uint64 `json:"lines_retried"`
	LogsLost      uint64 `json:"logs_lost"`    // syslog records of workers that syslog did not accept
	LogsDropped   uint64 `json:"logs_dropped"` // log lines of workers that stderr did not accept
	BellOverflows uint64 `json:"bell_overflows"`

	Spawns        uint64 `json:"spawns"`
	SpawnFailures uint64 `json:"spawn_failures"`
	Deaths        Deaths `json:"deaths"`

	// The last values shown of sums that include live sessions: such a sum may
	// appear smaller for a short time, while a session's counts move from its row
	// to a column.
	Shown Shown `json:"shown"`
}

// Process is what the masters of one service have counted besides their plugs. An
// upgrade sends it to the new master unchanged; fields are only ever added.
type Process struct {
	Upgrades      Upgrades `json:"upgrades"`
	PidfileWrites uint64   `json:"pidfile_writes"`
	Requests      uint64   `json:"requests"`     // of control clients
	LogsLost      uint64   `json:"logs_lost"`    // syslog records of masters that syslog did not accept
	LogsDropped   uint64   `json:"logs_dropped"` // log lines of masters that stderr did not accept
	Started       int64    `json:"started"`      // when the service was started, Unix ns
}

// Add adds an old master's counts to this master's.
func (t *Process) Add(o *Process) {
	t.Upgrades.Done += o.Upgrades.Done
	t.Upgrades.Failed += o.Upgrades.Failed
	t.PidfileWrites += o.PidfileWrites
	t.Requests += o.Requests
	t.LogsLost += o.LogsLost
	t.LogsDropped += o.LogsDropped
	t.Started = o.Started
}

// Times is a Histogram of the board, as plain numbers.
type Times struct {
	Counts [board.Buckets]uint64 `json:"counts"`
	Sum    uint64                `json:"sum"` // ns
}

// Deaths counts deaths of workers by signal; 0 is an exit.
type Deaths struct {
	By      [65]uint64 `json:"by_signal"`
	Unknown uint64     `json:"unknown"` // adopted workers, whose exit status cannot be read
}

// Upgrades counts upgrades by their result.
type Upgrades struct {
	Done   uint64 `json:"done"`
	Failed uint64 `json:"failed"`
}

// Shown holds the last values that metrics showed of sums that must never
// decrease.
type Shown struct {
	Accepted uint64 `json:"accepted"`
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
}

// Add adds an old master's totals to this master's.
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
		{&t.Spawns, &o.Spawns}, {&t.SpawnFailures, &o.SpawnFailures},
	} {
		*sum.to += *sum.of
	}
	t.Shown = o.Shown
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

// SeeColumn adds what a worker has counted in its column, and returns the number of ended
// sessions. Who ended them is in its tally.
func (t *Totals) SeeColumn(c *board.Column) (ended uint64) {
	for outcome := range c.Ended {
		n := c.Ended[outcome].Load()
		t.Ended[outcome] += n
		ended += n
	}
	t.BytesIn += c.BytesIn.Load()
	t.BytesOut += c.BytesOut.Load()
	t.Refused += c.Refused.Load()
	t.Redispatches += c.Redispatches.Load()
	t.LinesLost += c.LinesLost.Load()
	t.LogsLost += c.LogsLost.Load()
	return ended
}

// See adds what a worker has tallied.
func (t *Totals) See(w *board.Tally) {
	t.Durations.See(&w.Durations)
	t.BellOverflows += w.BellOverflows.Load()
	t.LinesRetried += w.LinesRetried.Load()
	t.LogsDropped += w.LogsDropped.Load()
}

// Absorb adds a dead worker's tally.
func (t *Totals) Absorb(w *board.Tally) {
	t.See(w)
	w.Clear()
}

// Died counts a worker's death by a signal; 0 is an exit. The status of an adopted
// worker may be unknown.
func (t *Totals) Died(known bool, signal int) {
	switch {
	case !known:
		t.Deaths.Unknown++
	case signal < len(t.Deaths.By):
		t.Deaths.By[max(0, signal)]++
	}
}
