// Harness: a control client, with the messages as tests see them.

package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A control client's messages: the fields that tests check.
type (
	Reply struct {
		Done     bool      `json:"done"`
		Again    bool      `json:"again"`
		Error    string    `json:"error"`
		Said     string    `json:"said"`
		Changed  *bool     `json:"changed"`
		Status   *Status   `json:"status"`
		Sessions []Session `json:"sessions"`
		Targets  []Target  `json:"targets"`
		Workers  []Worker  `json:"workers"`
		Config   *Config   `json:"config"`
		Metrics  *Metrics  `json:"metrics"`
		Progress *struct {
			Phase    string `json:"phase"`
			Sessions int    `json:"sessions"`
		} `json:"progress"`
	}
	Status struct {
		Label, Mode, Phase, Build string
		Trouble                   string
		PID, Shepherd, Sessions   int
		Paused                    bool
		Upgrades, Accepted        uint64
		Queue, Limit              int
		Targets, Workers          map[string]int
		LogLevel                  int `json:"log_level"`
		Unwritten                 int `json:"session_lines_waiting"`
	}
	Session struct {
		ID, Client, Target, State string
		PID                       int
		In                        uint64  `json:"bytes_in"`
		Out                       uint64  `json:"bytes_out"`
		Age                       float64 `json:"age_seconds"`
		Connect                   float64 `json:"connect_seconds"`
		Build                     string  `json:"worker_version"`
	}
	Target struct {
		Target, State      string
		Sessions           int
		Connects, Failures uint64
		LastFailure        string    `json:"last_failure"`
		FailedFor          float64   `json:"failed_for_seconds"`
		In                 uint64    `json:"bytes_in"`
		Out                uint64    `json:"bytes_out"`
		ConnectTimes       Histogram `json:"connect_times"`
	}
	Worker struct {
		PID, Generation, Sessions int
		State                     string
		Ended                     uint64
		Build                     string `json:"worker_version"`
	}
	Config struct {
		Program string
		Args    []string
		Options map[string]any
	}
	Histogram struct {
		Bounds []float64
		Counts []uint64
		Sum    float64
	}
	Metrics struct {
		Sessions          int
		Accepted, Refused uint64
		Redispatches      uint64
		Ended             EndedSessions
		Upgrades          map[string]uint64
		Deaths            struct {
			Exit, Unknown uint64
			Signals       map[string]uint64
		}
		BytesIn         uint64 `json:"bytes_in"`
		BytesOut        uint64 `json:"bytes_out"`
		Targets         []Target
		Durations       Histogram
		Spawns          uint64
		SpawnFailures   uint64  `json:"spawn_failures"`
		BellOverflows   uint64  `json:"bell_overflows"`
		LinesLost       uint64  `json:"lines_lost"`
		LinesRetried    uint64  `json:"lines_retried"`
		PidfileWrites   uint64  `json:"pidfile_writes"`
		ControlRequests uint64  `json:"control_requests"`
		StartedUnix     float64 `json:"started_unix_seconds"`
	}
	Fields        = map[string]any
	EndedSessions map[string]map[string]uint64 // by outcome and cause
)

// Of is the number of sessions with an outcome, whatever the cause.
func (e EndedSessions) Of(outcome string) (n uint64) {
	for _, by := range e[outcome] {
		n += by
	}
	return n
}

// Connects is the number of connect times that were counted, for all targets.
func (m *Metrics) Connects() (n uint64) {
	for _, t := range m.Targets {
		n += t.ConnectTimes.Count()
	}
	return n
}

// Count is the number of values.
func (h Histogram) Count() (sum uint64) {
	for _, n := range h.Counts {
		sum += n
	}
	return sum
}

// Talk is a connection to a control socket.
type Talk struct {
	net.Conn
	lines *bufio.Reader
}

// OpenTalk connects to a control socket.
func OpenTalk(path string) (*Talk, error) {
	c, err := net.DialTimeout("unix", path, TalkBound)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(TalkBound))
	return &Talk{c, bufio.NewReaderSize(c, 1<<20)}, nil
}

// Say sends a request; hear reads one reply.
func (c *Talk) Say(request Fields) error {
	request["version"] = 1
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	_, err = c.Write(append(line, '\n'))
	return err
}

// Hear reads one reply.
func (c *Talk) Hear() (r Reply, err error) {
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	if len(line) > 64<<10 {
		return r, fmt.Errorf("a reply of %d bytes", len(line))
	}
	return r, json.Unmarshal(line, &r)
}

// Ask sends a request on a new connection, and joins the lists of all replies.
func Ask(path string, request Fields) (all Reply, err error) {
	c, err := OpenTalk(path)
	if err != nil {
		return all, err
	}
	defer c.Close()
	if err := c.Say(request); err != nil {
		return all, err
	}
	for {
		r, err := c.Hear()
		if err != nil {
			return all, err
		}
		r.Sessions, r.Targets = append(all.Sessions, r.Sessions...), append(all.Targets, r.Targets...)
		r.Workers = append(all.Workers, r.Workers...)
		if all = r; r.Done || r.Error != "" {
			return all, nil
		}
	}
}

// WithControl returns arguments for a plug with a control socket.
func WithControl(args ...string) []string { return append([]string{"--control", "ctl"}, args...) }

// Ctl is the path of the plug's control socket, if it has one.
func (p *Plug) Ctl() string { return filepath.Join(p.Dir, "ctl") }

// Asks returns the answer to a request; if this master is leaving, the next
// one's.
func (p *Plug) Asks(verb string, with Fields) Reply {
	p.T.Helper()
	r, err := p.Tries(verb, with)
	if err != nil {
		p.T.Fatalf("%s: %v", verb, err)
	}
	return r
}

// Tries returns the master's refusal as the error.
func (p *Plug) Tries(verb string, with Fields) (r Reply, err error) {
	request := Fields{"verb": verb}
	for k, v := range with {
		request[k] = v
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); Passed(5 * time.Millisecond) {
		if r, err = Ask(p.Ctl(), request); err != nil || !r.Again {
			break
		}
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	return r, err
}

// Refuses is the reason why a request is refused.
func (p *Plug) Refuses(t testing.TB, verb string, with Fields) string {
	t.Helper()
	_, err := p.Tries(verb, with)
	if err == nil {
		t.Fatalf("%s %v was obeyed", verb, with)
	}
	return err.Error()
}

// Unmarshal parses a reply.
func Unmarshal(line []byte, r *Reply) error { return json.Unmarshal(line, r) }
