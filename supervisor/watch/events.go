// What the watcher has seen, as one batch: doorbells, deaths, a client that waits,
// and ticks.

// Package watch sees for the master what happens outside: doorbells on report
// pipes, deaths of workers, a client at a listener, and time. New makes a watcher;
// what it has seen comes over its channel.
package watch

import "daemon/plug/worker/report"

// Events is one batch of what the watcher has seen. Its doorbells were written
// before its deaths, as far as they come from the same worker: deaths are
// collected first.
type Events struct {
	Bells   []report.Record
	Garbled int      // bytes that were no doorbell
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
