package control

// Metrics are counters since the plug started: they go on through upgrades and
// burials, and never go back. Maps are by the words that logs use.
type Metrics struct {
	Sessions     int               `json:"sessions"`      // live
	Accepted     uint64            `json:"accepted"`      // admitted: ended and live
	Ended        map[string]uint64 `json:"ended"`         // by outcome
	Causes       map[string]uint64 `json:"causes"`        // by who ended them
	BytesIn      uint64            `json:"bytes_in"`      // of ended and live sessions
	BytesOut     uint64            `json:"bytes_out"`     //
	Refused      uint64            `json:"refused"`       // by -a
	Redispatches uint64            `json:"redispatches"`  // sessions that went to another target
	Durations    Histogram         `json:"durations"`     // of ended sessions, seconds
	ConnectTimes Histogram         `json:"connect_times"` // from accept until connected, seconds

	Targets []Target       `json:"targets"`
	Workers map[string]int `json:"workers"` // by state
	Limit   int            `json:"limit"`

	Spawns          uint64            `json:"spawns"`         // workers started
	SpawnFailures   uint64            `json:"spawn_failures"` // forks that failed, and workers that died before they were ready
	Deaths          map[string]uint64 `json:"deaths"`         // of workers: "exit", "signal 9", …
	Upgrades        map[string]uint64 `json:"upgrades"`       // "done", "failed"
	BellOverflows   uint64            `json:"bell_overflows"` // doorbells that found the pipe full
	LinesLost       uint64            `json:"lines_lost"`     // session lines given up
	LinesRetried    uint64            `json:"lines_retried"`  // session lines that had to be written again
	RecordsLost     uint64            `json:"records_lost"`   // syslog records given up
	PidfileWrites   uint64            `json:"pidfile_writes"`
	Build           string            `json:"build"`
	StartedUnix     float64           `json:"started_unix_seconds"`
	Paused          bool              `json:"paused"`
	MasterCPU       float64           `json:"master_cpu_seconds"` // of this master alone
	ControlRequests uint64            `json:"control_requests"`
}

// Histogram counts what was at most each bound; the last count has no bound.
type Histogram struct {
	Bounds []float64 `json:"bounds"` // ascending
	Counts []uint64  `json:"counts"` // not cumulative, one more than bounds
	Sum    float64   `json:"sum"`
}
