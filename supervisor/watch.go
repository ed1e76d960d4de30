package supervisor

import "daemon/plug/worker/report"

// events is one batch of what the watcher has seen. Its doorbells were written
// before its deaths, as far as they come from the same worker: deaths are
// collected first.
type events struct {
	bells   []report.Record
	garbled int      // bytes that were no doorbell
	dead    []uint64 // ids of workers
	arrival bool     // a client waits
	tick    bool
}

// hear adds what was read from a report pipe.
func (s *events) hear(p []byte) {
	for ; len(p) > 0; p = p[min(report.Size, len(p)):] {
		if r, ok := report.Parse(p); ok {
			s.bells = append(s.bells, r)
		} else {
			s.garbled += min(report.Size, len(p))
		}
	}
}
