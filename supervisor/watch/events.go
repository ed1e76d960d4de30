// What the watcher has seen, as one batch: doorbells, deaths, waiting clients, and
// ticks.

// Package watch tells the master what happens outside of it: doorbells on report
// pipes, deaths of workers, a client at a listener, and time. New makes a watcher,
// which sends what it has seen over its channel.
package watch

import "daemon/plug/worker/report"

// Events is one batch of what the watcher has seen. Deaths are collected first, so
// doorbells that a worker wrote before it died are in the same batch or an earlier
// one.
type Events struct {
	Bells   []report.Record
	Garbled int      // bytes that were not a doorbell
	Dead    []uint64 // ids of workers
	Arrival bool     // a client waits
	Tick    bool
}

// hear adds what was read from a report pipe.
func (s *Events) hear(p []byte) {
	for ; len(p) > 0; p = p[min(report.Size, len(p)):] {
		if r, ok := report.Parse(p); ok {
			s.Bells = append(s.Bells, r)
		} else {
			s.Garbled += min(report.Size, len(p))
		}
	}
}
