// The requests and replies of the control socket, field by field.

package control

import (
	"encoding/json"
	"time"
)

// Verb is the action that a Request asks for.
type Verb string

const (
	GetStatus   Verb = "status"    // Reply.Status
	GetSessions Verb = "sessions"  // Reply.Sessions, those that match Filter
	GetTargets  Verb = "targets"   // Reply.Targets
	GetWorkers  Verb = "workers"   // Reply.Workers
	GetConfig   Verb = "config"    // Reply.Config
	GetMetrics  Verb = "metrics"   // Reply.Metrics
	Kill        Verb = "kill"      // ends the sessions that match Filter: Reply.Sessions
	SetTarget   Verb = "target"    // Target and State: Reply.Targets, the one that changed
	SetAccept   Verb = "accept"    // State "paused" or "open"
	Upgrade     Verb = "upgrade"   // answers when the new master serves, with its Reply.Status, or with the reason for the failure
	Reload      Verb = "reload"    // same as HUP
	Reopen      Verb = "reopen"    // same as USR1
	Stop        Verb = "stop"      // same as TERM; with Drain same as QUIT, with Progress lines until the last session has ended
	SetLogLevel Verb = "log-level" // Level 0, 1 or 2: same as giving -d that many times
)

// reads reports whether a request changes nothing, and so may be sent twice.
func (v Verb) reads() bool {
	switch v {
	case GetStatus, GetSessions, GetTargets, GetWorkers, GetConfig, GetMetrics:
		return true
	}
	return false
}

// Request is one line to the master.
type Request struct {
	Version int     `json:"version"`
	Verb    Verb    `json:"verb"`
	Filter  *Filter `json:"filter,omitempty"`
	DryRun  bool    `json:"dry_run,omitempty"` // kill, reload: only report what would change
	Target  string  `json:"target,omitempty"`  // "addr:port", as on the command line
	State   string  `json:"state,omitempty"`   // of a target: "enabled", "draining", "disabled"; of accept: "open", "paused"
	Drain   bool    `json:"drain,omitempty"`
	Level   int     `json:"level,omitempty"`
}

// Filter selects the sessions that meet all of its conditions. An empty one
// selects all sessions; Kill refuses it, except with All.
type Filter struct {
	All        bool     `json:"all,omitempty"`
	IDs        []string `json:"ids,omitempty"`
	PIDs       []int    `json:"pids,omitempty"`
	Plug       string   `json:"plug,omitempty"`   // the plug of this name
	Client     string   `json:"client,omitempty"` // a network or an address, with or without a zone, or addr:port
	Target     string   `json:"target,omitempty"` // the same, or a host name, with or without the port
	State      string   `json:"state,omitempty"`
	OlderThan  float64  `json:"older_than_seconds,omitempty"`
	IdleFor    float64  `json:"idle_for_seconds,omitempty"`
	Worker     string   `json:"worker_version,omitempty"` // version of the worker's binary
	NotVersion string   `json:"other_version,omitempty"`  // all versions except this one
}

// Reply is one line of the master's answer. The last one has Done, or an
// Error, which means that nothing was done, or only what the Error says. A
// list longer than Batch continues in further replies of the same kind; those
// of Config and Metrics contain only the rest of their lists.
type Reply struct {
	Version  int       `json:"version"`
	Done     bool      `json:"done,omitempty"`
	Error    string    `json:"error,omitempty"`
	Again    bool      `json:"again,omitempty"`   // nothing was done: the plug is changing masters; connect again and repeat the request
	Said     string    `json:"said,omitempty"`    // what was done, in a sentence
	Changed  *bool     `json:"changed,omitempty"` // if the verb changes something and succeeded: false if nothing had to be changed
	Status   *Status   `json:"status,omitempty"`
	Plugs    []Status  `json:"plugs,omitempty"` // of a master with several plugs; Status is the first one's
	Sessions []Session `json:"sessions,omitempty"`
	Targets  []Target  `json:"targets,omitempty"`
	Workers  []Worker  `json:"workers,omitempty"`
	Config   *Config   `json:"config,omitempty"`
	Metrics  *Metrics  `json:"metrics,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
}

// Progress reports how far a Stop with Drain, or an Upgrade, has got.
type Progress struct {
	Phase    string `json:"phase"`    // "draining", "upgrading", or "ending" (the sessions of a kill)
	Sessions int    `json:"sessions"` // still live
}

// Status is the plug as a whole.
type Status struct {
	Plug     string    `json:"plug"`  // its name; that of a command line is the label
	Label    string    `json:"label"` // the listening side, as in session lines
	Mode     string    `json:"mode"`
	Phase    string    `json:"phase"` // "opening", "running", "stopping"
	Paused   bool      `json:"paused"`
	Trouble  string    `json:"trouble,omitempty"` // why no new client is served
	PID      int       `json:"pid"`
	Shepherd int       `json:"shepherd,omitempty"` // its PID, with -n
	Build    string    `json:"build"`              // the binary's version
	Started  time.Time `json:"started"`            // when the plug started
	Since    time.Time `json:"since"`              // when this master started
	Upgrades uint64    `json:"upgrades"`

	Sessions  int            `json:"sessions"` // live
	Accepted  uint64         `json:"accepted"` // ended and live sessions
	Workers   map[string]int `json:"workers"`  // by state: starting, spare, busy, draining
	Limit     int            `json:"limit"`    // --max-workers
	Queue     int            `json:"queue"`    // clients waiting in the kernel's queue; -1 if unknown
	Targets   map[string]int `json:"targets"`  // by state: good, failing, failed, draining, disabled
	LogLevel  int            `json:"log_level"`
	Unwritten int            `json:"session_lines_waiting,omitempty"` // session lines that could not be written to the session file yet
}

// Session is one live session.
type Session struct {
	Plug    string    `json:"plug"`
	ID      string    `json:"id"`  // "GENERATION-ROW-TURN": never reused while the plug lives, even after upgrades
	PID     int       `json:"pid"` // PID of its worker
	Client  string    `json:"client"`
	Target  string    `json:"target,omitempty"` // "" before one was chosen
	State   string    `json:"state"`            // connecting, negotiating, relaying, half-closed, delivering
	Begun   time.Time `json:"begun"`
	Age     float64   `json:"age_seconds"`
	Idle    float64   `json:"idle_seconds"` // since the last byte in either direction
	In      uint64    `json:"bytes_in"`     // read from the client
	Out     uint64    `json:"bytes_out"`    // read from the target
	Build   string    `json:"worker_version"`
	Connect float64   `json:"connect_seconds,omitempty"`    // from accept until the target was connected; 0 before that
	First   float64   `json:"first_byte_seconds,omitempty"` // from accept until the target's first byte; 0 before that
}

// Target is one target, with its counts since the plug started.
type Target struct {
	Plug        string  `json:"plug"`
	Target      string  `json:"target"`
	State       string  `json:"state"`                        // good, failing, failed, draining, disabled
	FailedFor   float64 `json:"failed_for_seconds,omitempty"` // since the first attempt that failed after a good one
	Sessions    int     `json:"sessions"`                     // live, in all generations
	Connects    uint64  `json:"connects"`                     // attempts
	Failures    uint64  `json:"failures"`                     // attempts that failed
	LastFailure string  `json:"last_failure,omitempty"`       // why the last one failed

	LastFailureAt time.Time  `json:"last_failure_at,omitzero"` // time of the last failure
	In            uint64     `json:"bytes_in"`                 // of ended and live sessions, read from clients
	Out           uint64     `json:"bytes_out"`                // read from the target
	ConnectTimes  *Histogram `json:"connect_times,omitempty"`  // metrics: from accept until connected, seconds
}

// Worker is one worker process.
type Worker struct {
	Plug       string  `json:"plug"`
	PID        int     `json:"pid"`
	State      string  `json:"state"` // starting, spare, busy, draining
	Generation int     `json:"generation"`
	Build      string  `json:"worker_version"`
	Sessions   int     `json:"sessions"` // live
	Ended      uint64  `json:"ended"`    // sessions that it carried and that have ended
	Age        float64 `json:"age_seconds"`
}

// Config is the command line that the plug runs with, including defaults and
// the values they were resolved to.
type Config struct {
	Program string   `json:"program"` // what an upgrade would start
	Args    []string `json:"args"`

	// Options by long name, plus source and targets: the same as plug --check
	// prints.
	Options map[string]json.RawMessage `json:"options"`
}
