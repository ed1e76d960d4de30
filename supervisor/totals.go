package supervisor

import "daemon/plug/worker/board"

// totals are what buried workers have counted, and what masters count. They
// travel from one master to the next as they are; fields are only ever added.
type totals struct {
	Ended        [board.Outcomes]uint64 `json:"ended"`
	BytesIn      uint64                 `json:"bytes_in"`
	BytesOut     uint64                 `json:"bytes_out"`
	Refused      uint64                 `json:"refused"`
	Ends         ends                   `json:"ends"`
	Redispatches uint64                 `json:"redispatches"`
	Durations    times                  `json:"durations"`

	LinesLost     uint64 `json:"lines_lost"` // session lines given up by workers
	LinesRetried  uint64 `json:"lines_retried"`
	LogsLost      uint64 `json:"logs_lost"`    // syslog records that were not taken
	LogsDropped   uint64 `json:"logs_dropped"` // log lines that stderr did not take
	BellOverflows uint64 `json:"bell_overflows"`

	Spawns        uint64        `json:"spawns"`
	SpawnFailures uint64        `json:"spawn_failures"`
	Deaths        deaths        `json:"deaths"`
	Upgrades      upgradeCounts `json:"upgrades"`
	PidfileWrites uint64        `json:"pidfile_writes"`
	Requests      uint64        `json:"requests"`
	Started       int64         `json:"started"` // the plug, Unix ns

	// What was shown of sums that live sessions are in: such a sum may be seen
	// smaller for a moment, while a session passes from its row to a column.
	Shown shown `json:"shown"`
}

// ends are sessions by outcome and by who ended them: each one is counted in Ended,
// too.
type ends [board.Outcomes][board.Culprits]uint64

// times are a Times of the board, as plain numbers.
type times struct {
	Counts [board.Buckets]uint64 `json:"counts"`
	Sum    uint64                `json:"sum"` // ns
}

// deaths are those of workers by signal; 0 is an exit.
type deaths struct {
	By      [65]uint64 `json:"by_signal"`
	Unknown uint64     `json:"unknown"` // of adopted ones, which tell their status to nobody
}

type upgradeCounts struct {
	Done   uint64 `json:"done"`
	Failed uint64 `json:"failed"`
}

type shown struct {
	Accepted uint64 `json:"accepted"`
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
}

// add puts what an old master has counted to what this one has.
func (t *totals) add(o *totals) {
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

func (t *times) add(o *times) {
	for i, n := range o.Counts {
		t.Counts[i] += n
	}
	t.Sum += o.Sum
}

// see adds what a worker has counted.
func (t *times) see(w *board.Histogram) {
	for i := range w.Counts {
		t.Counts[i] += w.Counts[i].Load()
	}
	t.Sum += w.Sum.Load()
}

// note counts one time.
func (t *times) note(b *board.Bounds, ns int64) {
	t.Counts[b.Bucket(ns)]++
	t.Sum += uint64(max(0, ns))
}

// noteSession counts a session that its worker could not count.
func (t *totals) noteSession(s *board.Snapshot) {
	t.Durations.note(&board.DurationBounds, s.Closed-s.BeginAt)
}

// see adds what a worker has tallied.
func (t *totals) see(w *board.Tally) {
	t.Durations.see(&w.Durations)
	t.BellOverflows += w.BellOverflows.Load()
	t.LinesRetried += w.LinesRetried.Load()
	t.LogsDropped += w.LogsDropped.Load()
}

// absorb takes a dead worker's tally over.
func (t *totals) absorb(w *board.Tally) {
	t.see(w)
	w.Clear()
}

// died counts a death.
func (t *totals) died(w waitStatus) {
	switch {
	case !w.known:
		t.Deaths.Unknown++
	case int(w.signal) < len(t.Deaths.By):
		t.Deaths.By[max(0, w.signal)]++
	}
}

// totalsToSend are the totals for a new master, with what only this one's sinks know.
func (m *master) totalsToSend() totals {
	t := m.totals
	t.LogsLost += m.syslog.sink.dropped.Load()
	t.LogsDropped += m.stderr.dropped.Load()
	t.LinesRetried += m.sessionFile.retried.Load()
	if s := m.sessionFile.sink; s != nil {
		t.LinesLost += s.dropped.Load()
	}
	return t
}

// all are the totals with everything that living workers and this master's sinks
// have counted.
func (m *master) all() totals {
	t := m.totalsToSend()
	for _, c := range m.roster {
		if c.state == gone {
			continue
		}
		column := c.generation.board.Column(c.slot)
		for i := range column.Ended {
			t.Ended[i] += column.Ended[i].Load()
		}
		t.Ends.see(&c.generation.board.Tally(c.slot).Ends)
		t.BytesIn += column.BytesIn.Load()
		t.BytesOut += column.BytesOut.Load()
		t.Refused += column.Refused.Load()
		t.Redispatches += column.Redispatches.Load()
		t.LinesLost += column.LinesLost.Load()
		t.LogsLost += column.LogsLost.Load()
		t.see(c.generation.board.Tally(c.slot))
	}
	return t
}
