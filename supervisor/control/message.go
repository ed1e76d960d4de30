package control

import (
	"encoding/json"
	"time"
)

// Verb is what a Request asks for.
type Verb string

const (
	GetStatus   Verb = "status"    // Reply.Status
	GetSessions Verb = "sessions"  // Reply.Sessions, those that Filter takes
	GetTargets  Verb = "targets"   // Reply.Targets
	GetWorkers  Verb = "workers"   // Reply.Workers
	GetConfig   Verb = "config"    // Reply.Config
	GetMetrics  Verb = "metrics"   // Reply.Metrics
	Kill        Verb = "kill"      // ends the sessions that Filter takes: Reply.Sessions
	SetTarget   Verb = "target"    // Target and State: Reply.Targets, the one that changed
	SetAccept   Verb = "accept"    // State "paused" or "open"
	Upgrade     Verb = "upgrade"   // answers when the new master serves, with its Reply.Status, or with the reason why not
	Reload      Verb = "reload"    // as HUP
	Reopen      Verb = "reopen"    // as USR1
	Stop        Verb = "stop"      // as TERM; with Drain as QUIT, with Progress lines until the last session has ended
	SetLogLevel Verb = "log-level" // Level 0, 1, 2: as many -d
)

// Request is one line to the master.
type Request struct {
	Version int     `json:"version"`
	Verb    Verb    `json:"verb"`
	Filter  *Filter `json:"filter,omitempty"`
	DryRun  bool    `json:"dry_run,omitempty"` // kill: only say which
	Target  string  `json:"target,omitempty"`  // "addr:port", as the command line gives it
	State   string  `json:"state,omitempty"`   // of a target: "enabled", "draining", "disabled"; of accept: "open", "paused"
	Drain   bool    `json:"drain,omitempty"`
	Level   int     `json:"level,omitempty"`
}

// Filter takes the sessions for which everything that it names holds. An empty
// one takes all of them; Kill refuses that, except with All.
type Filter struct {
	All        bool     `json:"all,omitempty"`
	IDs        []string `json:"ids,omitempty"`
	PIDs       []int    `json:"pids,omitempty"`
	Client     string   `json:"client,omitempty"` // a network or an address, which may have a zone, or addr:port
	Target     string   `json:"target,omitempty"` // the same, or a host's name, with its port or without
	State      string   `json:"state,omitempty"`
	OlderThan  float64  `json:"older_than_seconds,omitempty"`
	IdleFor    float64  `json:"idle_for_seconds,omitempty"`
	Worker     string   `json:"worker_version,omitempty"` // of the worker's binary
	NotVersion string   `json:"other_version,omitempty"`  // all versions but this one
}

// Reply is one line of the master's answer. The last one has Done, or an Error:
// nothing was done then, or what the Error says. A list longer than Batch goes
// on in further replies of the same kind: of Config and Metrics, those have
// nothing but the rest of their lists.
type Reply struct {
	Version  int       `json:"version"`
	Done     bool      `json:"done,omitempty"`
	Error    string    `json:"error,omitempty"`
	Again    bool      `json:"again,omitempty"`   // nothing was done: the plug is changing masters; connect and ask again
	Said     string    `json:"said,omitempty"`    // what was done, in a sentence
	Changed  *bool     `json:"changed,omitempty"` // of a verb that acts and was obeyed: false if all was so before
	Status   *Status   `json:"status,omitempty"`
	Sessions []Session `json:"sessions,omitempty"`
	Targets  []Target  `json:"targets,omitempty"`
	Workers  []Worker  `json:"workers,omitempty"`
	Config   *Config   `json:"config,omitempty"`
	Metrics  *Metrics  `json:"metrics,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
}

// Progress tells how far a Stop with Drain, or an Upgrade, has come.
type Progress struct {
	Phase    string `json:"phase"`    // "draining", "upgrading", "ending" the sessions of a kill
	Sessions int    `json:"sessions"` // still live
}

// Status is the plug as a whole.
type Status struct {
	Label    string    `json:"label"` // the listening side, as in session lines
	Mode     string    `json:"mode"`
	Phase    string    `json:"phase"` // "opening", "running", "stopping"
	Paused   bool      `json:"paused"`
	Trouble  string    `json:"trouble,omitempty"` // why no new client is served
	PID      int       `json:"pid"`
	Shepherd int       `json:"shepherd,omitempty"` // its PID, with -n
	Build    string    `json:"build"`              // the binary's version
	Started  time.Time `json:"started"`            // the plug
	Since    time.Time `json:"since"`              // this master
	Upgrades uint64    `json:"upgrades"`

	Sessions  int            `json:"sessions"` // live
	Accepted  uint64         `json:"accepted"` // ended and live
	Workers   map[string]int `json:"workers"`  // by state: starting, spare, busy, draining
	Limit     int            `json:"limit"`    // --max-workers
	Queue     int            `json:"queue"`    // clients that wait in the kernel's queue; -1 where it is not known
	Targets   map[string]int `json:"targets"`  // by state: good, failing, failed, draining, disabled
	LogLevel  int            `json:"log_level"`
	Unwritten int            `json:"session_lines_waiting,omitempty"` // session lines that the session file did not take yet
}

// Session is one live session.
type Session struct {
	ID      string    `json:"id"`  // "GENERATION-ROW-TURN": never used again while the plug lives, upgrades included
	PID     int       `json:"pid"` // of its worker
	Client  string    `json:"client"`
	Target  string    `json:"target,omitempty"` // "" before one was chosen
	State   string    `json:"state"`            // connecting, negotiating, relaying, half-closed, delivering, ending
	Begun   time.Time `json:"begun"`
	Age     float64   `json:"age_seconds"`
	Idle    float64   `json:"idle_seconds"` // since the last byte either way
	In      uint64    `json:"bytes_in"`     // read from the client
	Out     uint64    `json:"bytes_out"`    // read from the target
	Build   string    `json:"worker_version"`
	Connect float64   `json:"connect_seconds,omitempty"`    // from accept until the target was connected; 0 not yet
	First   float64   `json:"first_byte_seconds,omitempty"` // from accept until the target's first byte; 0 not yet
}

// Target is one target, its slot's numbers since the plug started.
type Target struct {
	Target      string  `json:"target"`
	State       string  `json:"state"`                        // good, failing, failed, draining, disabled
	FailedFor   float64 `json:"failed_for_seconds,omitempty"` // since the first attempt that failed after a good one
	Sessions    int     `json:"sessions"`                     // live, of all generations
	Connects    uint64  `json:"connects"`                     // attempts
	Failures    uint64  `json:"failures"`                     // attempts that failed
	LastFailure string  `json:"last_failure,omitempty"`       // why the last one failed

	LastFailureAt time.Time  `json:"last_failure_at,omitzero"` // when
	In            uint64     `json:"bytes_in"`                 // of ended and live sessions, read from clients
	Out           uint64     `json:"bytes_out"`                // read from the target
	ConnectTimes  *Histogram `json:"connect_times,omitempty"`  // metrics: from accept until connected, seconds
}

// Worker is one worker process.
type Worker struct {
	PID        int     `json:"pid"`
	State      string  `json:"state"` // starting, spare, busy, draining
	Generation int     `json:"generation"`
	Build      string  `json:"worker_version"`
	Sessions   int     `json:"sessions"` // live
	Ended      uint64  `json:"ended"`    // sessions that it has carried to their end
	Age        float64 `json:"age_seconds"`
}

// Config is the command line as the plug runs it, defaults and what they were
// settled to included.
type Config struct {
	Program string   `json:"program"` // what an upgrade would start
	Args    []string `json:"args"`

	// Options are by long name, with source and targets, what plug --check prints.
	Options map[string]json.RawMessage `json:"options"`
}
