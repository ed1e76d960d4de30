// Harness: a control client, with the messages as tests see them.

package test

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
	ctlReply struct {
		Done     bool         `json:"done"`
		Again    bool         `json:"again"`
		Error    string       `json:"error"`
		Said     string       `json:"said"`
		Changed  *bool        `json:"changed"`
		Status   *ctlStatus   `json:"status"`
		Sessions []ctlSession `json:"sessions"`
		Targets  []ctlTarget  `json:"targets"`
		Workers  []ctlWorker  `json:"workers"`
		Config   *ctlConfig   `json:"config"`
		Metrics  *ctlMetrics  `json:"metrics"`
		Progress *struct {
			Phase    string `json:"phase"`
			Sessions int    `json:"sessions"`
		} `json:"progress"`
	}
	ctlStatus struct {
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
	ctlSession struct {
		ID, Client, Target, State string
		PID                       int
		In                        uint64  `json:"bytes_in"`
		Out                       uint64  `json:"bytes_out"`
		Age                       float64 `json:"age_seconds"`
		Connect                   float64 `json:"connect_seconds"`
		Build                     string  `json:"worker_version"`
	}
	ctlTarget struct {
		Target, State      string
		Sessions           int
		Connects, Failures uint64
		LastFailure        string       `json:"last_failure"`
		FailedFor          float64      `json:"failed_for_seconds"`
		In                 uint64       `json:"bytes_in"`
		Out                uint64       `json:"bytes_out"`
		ConnectTimes       ctlHistogram `json:"connect_times"`
	}
	ctlWorker struct {
		PID, Generation, Sessions int
		State                     string
		Ended                     uint64
		Build                     string `json:"worker_version"`
	}
	ctlConfig struct {
		Program string
		Args    []string
		Options map[string]any
	}
	ctlHistogram struct {
		Bounds []float64
		Counts []uint64
		Sum    float64
	}
	ctlMetrics struct {
		Sessions          int
		Accepted, Refused uint64
		Redispatches      uint64
		Ended             ctlEnded
		Upgrades          map[string]uint64
		Deaths            struct {
			Exit, Unknown uint64
			Signals       map[string]uint64
		}
		BytesIn         uint64 `json:"bytes_in"`
		BytesOut        uint64 `json:"bytes_out"`
		Targets         []ctlTarget
		Durations       ctlHistogram
		Spawns          uint64
		SpawnFailures   uint64  `json:"spawn_failures"`
		BellOverflows   uint64  `json:"bell_overflows"`
		LinesLost       uint64  `json:"lines_lost"`
		LinesRetried    uint64  `json:"lines_retried"`
		PidfileWrites   uint64  `json:"pidfile_writes"`
		ControlRequests uint64  `json:"control_requests"`
		StartedUnix     float64 `json:"started_unix_seconds"`
	}
	fields   = map[string]any
	ctlEnded map[string]map[string]uint64 // by outcome and cause
)

// of is the number of sessions with an outcome, whatever the cause.
func (e ctlEnded) of(outcome string) (n uint64) {
	for _, by := range e[outcome] {
		n += by
	}
	return n
}

// connects is the number of connect times that were counted, for all targets.
func (m *ctlMetrics) connects() (n uint64) {
	for _, t := range m.Targets {
		n += t.ConnectTimes.count()
	}
	return n
}

func (h ctlHistogram) count() (sum uint64) {
	for _, n := range h.Counts {
		sum += n
	}
	return sum
}

// talk is a connection to a control socket.
type talk struct {
	net.Conn
	lines *bufio.Reader
}

func openTalk(path string) (*talk, error) {
	c, err := net.DialTimeout("unix", path, talkBound)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(talkBound))
	return &talk{c, bufio.NewReaderSize(c, 1<<20)}, nil
}

// say sends a request; hear reads one reply.
func (c *talk) say(request fields) error {
	request["version"] = 1
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	_, err = c.Write(append(line, '\n'))
	return err
}

func (c *talk) hear() (r ctlReply, err error) {
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	if len(line) > 64<<10 {
		return r, fmt.Errorf("a reply of %d bytes", len(line))
	}
	return r, json.Unmarshal(line, &r)
}

// ask sends a request on a new connection, and joins the lists of all replies.
func ask(path string, request fields) (all ctlReply, err error) {
	c, err := openTalk(path)
	if err != nil {
		return all, err
	}
	defer c.Close()
	if err := c.say(request); err != nil {
		return all, err
	}
	for {
		r, err := c.hear()
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

// withControl returns arguments for a plug with a control socket.
func withControl(args ...string) []string { return append([]string{"--control", "ctl"}, args...) }

func (p *plug) ctl() string { return filepath.Join(p.dir, "ctl") }

// asks returns the answer to a request; if this master is leaving, the next
// one's.
func (p *plug) asks(verb string, with fields) ctlReply {
	p.t.Helper()
	r, err := p.tries(verb, with)
	if err != nil {
		p.t.Fatalf("%s: %v", verb, err)
	}
	return r
}

// tries returns the master's refusal as the error.
func (p *plug) tries(verb string, with fields) (r ctlReply, err error) {
	request := fields{"verb": verb}
	for k, v := range with {
		request[k] = v
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); passed(5 * time.Millisecond) {
		if r, err = ask(p.ctl(), request); err != nil || !r.Again {
			break
		}
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	return r, err
}

// refuses is the reason why a request is refused.
func (p *plug) refuses(t testing.TB, verb string, with fields) string {
	t.Helper()
	_, err := p.tries(verb, with)
	if err == nil {
		t.Fatalf("%s %v was obeyed", verb, with)
	}
	return err.Error()
}

func unmarshal(line []byte, r *ctlReply) error { return json.Unmarshal(line, r) }
