// The reply to the verb metrics: counters and gauges.

package control

// Metrics are counters since the plug started: they continue through upgrades
// and burials, and never decrease. Keys of maps contain no spaces; known keys
// are present even if their count is 0.
type Metrics struct {
	Sessions          int                          `json:"sessions"`                      // live
	Accepted          uint64                       `json:"accepted"`                      // admitted: ended and live
	Ended             map[string]map[string]uint64 `json:"ended"`                         // by outcome, and by cause (who ended them)
	BytesIn           uint64                       `json:"bytes_in"`                      // of ended and live sessions
	BytesOut          uint64                       `json:"bytes_out"`                     //
	Refused           uint64                       `json:"refused"`                       // by -a
	Redispatches      uint64                       `json:"redispatches"`                  // sessions that were sent to another target
	Durations         Histogram                    `json:"durations"`                     // of ended sessions, seconds
	SessionsLimit     int                          `json:"sessions_limit"`                // maximum number of sessions at a time
	PoolSessionsLimit int                          `json:"pool_sessions_limit,omitempty"` // the same for one pool worker

	Targets []Target       `json:"targets"`
	Workers map[string]int `json:"workers"` // by state
	Limit   int            `json:"limit"`

	Spawns          uint64            `json:"spawns"`         // workers started
	SpawnFailures   uint64            `json:"spawn_failures"` // forks that failed, and workers that died before they were ready
	Deaths          Exits             `json:"deaths"`         // of workers
	Upgrades        map[string]uint64 `json:"upgrades"`       // "done", "failed"
	BellOverflows   uint64            `json:"bell_overflows"` // doorbells that found the pipe full
	LinesLost       uint64            `json:"lines_lost"`     // session lines that were given up
	LinesRetried    uint64            `json:"lines_retried"`  // session lines that had to be written again
	RecordsLost     uint64            `json:"records_lost"`   // syslog records that were given up
	LogLinesLost    uint64            `json:"log_lines_lost"` // lines that could not be written to stderr
	PidfileWrites   uint64            `json:"pidfile_writes"`
	Build           string            `json:"build"`
	StartedUnix     float64           `json:"started_unix_seconds"`
	Paused          bool              `json:"paused"`
	Master          Process           `json:"master"` // this process: an upgrade starts another one
	ControlRequests uint64            `json:"control_requests"`
}

// Exits are workers that have ended.
type Exits struct {
	Exit    uint64            `json:"exit"`
	Unknown uint64            `json:"unknown"` // workers that an earlier master had started
	Signals map[string]uint64 `json:"signals"` // by number
}

// Process is a process's use of resources. A value that is not known on this
// system is 0.
type Process struct {
	Started float64 `json:"started_unix_seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Memory  uint64  `json:"resident_memory_bytes"`
	OpenFDs int     `json:"open_fds"`
	MaxFDs  int     `json:"max_fds"`
}

// Histogram counts values up to each bound; the last count has no bound.
type Histogram struct {
	Bounds []float64 `json:"bounds"` // ascending
	Counts []uint64  `json:"counts"` // not cumulative, one more than Bounds
	Sum    float64   `json:"sum"`
}
