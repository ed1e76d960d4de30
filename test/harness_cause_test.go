// Harness: the log lines of ended sessions.

package test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"syscall"
)

// endLine is the log line of an ended session, in JSON.
type endLine struct {
	Level    string   `json:"@level"`
	Message  string   `json:"@message"`
	Client   string   `json:"client"`
	Target   string   `json:"target"`
	Outcome  string   `json:"outcome"`
	Status   int      `json:"status"`
	Cause    string   `json:"cause"`
	Code     string   `json:"code"`
	State    string   `json:"state"`
	Reason   string   `json:"reason"`
	In       int64    `json:"in"`
	Out      int64    `json:"out"`
	Connect  *float64 `json:"connect_ms"`
	First    *float64 `json:"first_byte_ms"`
	Duration *float64 `json:"duration_ms"`
	PID      int      `json:"pid"`
}

// ends waits for the log lines of n ended sessions, and checks that there are
// no more.
func (p *plug) ends(n int) (lines []endLine) {
	p.t.Helper()
	holdsWithin(normalWait, func() bool {
		lines = nil
		for text := range strings.Lines(p.errors()) {
			var l endLine
			if json.Unmarshal([]byte(text), &l) == nil && l.Message == "session ended" {
				lines = append(lines, l)
			}
		}
		return len(lines) >= n
	})
	if len(lines) != n {
		p.t.Fatalf("%d lines of ended sessions in the log, not %d: %+v", len(lines), n, last(lines, 3))
	}
	return lines
}

// why is what the log should say about an end. Whether there are times depends
// on the outcome.
type why struct {
	code, cause, state string
	outcome            string
	status             int
	connected          bool
	answered           bool // the target has sent something
}

// because checks the end of the n-th session: the log line on its own, and
// compared with the session line.
func (p *plug) because(n int, want why) {
	p.t.Helper()
	s, l := last(p.lines(n), 1)[0], last(p.ends(n), 1)[0]
	got := why{l.Code, l.Cause, l.State, l.Outcome, l.Status, l.Connect != nil, l.First != nil}
	if got != want {
		p.t.Errorf("the end of session %d: %+v, want %+v (reason %q)", n, got, want, l.Reason)
	}
	if l.PID != s.pid || l.In != s.in || l.Out != s.out || l.Target != s.target || !strings.HasPrefix(l.Client, s.peer+":") {
		p.t.Errorf("%+v does not fit the session line %+v", l, s)
	}
	if l.Duration == nil || math.Abs(*l.Duration-float64(s.took)/1e6) > 0.0015 {
		p.t.Errorf("%v ms, by the session line it took %v", l.Duration, s.took)
		return
	}
	before := 0.0
	for _, at := range []*float64{l.Connect, l.First, l.Duration} {
		if at != nil {
			if *at < before || *at <= 0 {
				p.t.Errorf("%v ms after %v", *at, before)
			}
			before = *at
		}
	}
}

// killed is the end of a session whose worker was killed at this stage.
func killed(signal syscall.Signal, stage string, connected, answered bool) why {
	letter := map[string]string{"connecting": "C", "negotiating": "N", "relaying": "R", "half-closed": "H"}[stage]
	return why{"S" + letter, fmt.Sprintf("signal %d", int(signal)), stage, "killed", 4, connected, answered}
}

// one returns the arguments for a plug with few workers; a pool has one.
func one(mode string) []string {
	if mode == "pool" {
		return []string{"--workers", "1"}
	}
	return []string{"--spares", "1:2", "--max-workers", "64"}
}
