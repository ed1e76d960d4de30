// Harness: the log lines of ended sessions.

package harness

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"syscall"
)

// EndLine is the log line of an ended session, in JSON.
type EndLine struct {
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

// Ends waits for the log lines of n ended sessions, and checks that there are
// no more.
func (p *Plug) Ends(n int) (lines []EndLine) {
	p.T.Helper()
	HoldsWithin(NormalWait, func() bool {
		lines = nil
		for text := range strings.Lines(p.Errors()) {
			var l EndLine
			if json.Unmarshal([]byte(text), &l) == nil && l.Message == "session ended" {
				lines = append(lines, l)
			}
		}
		return len(lines) >= n
	})
	if len(lines) != n {
		p.T.Fatalf("%d lines of ended sessions in the log, not %d: %+v", len(lines), n, Last(lines, 3))
	}
	return lines
}

// Why is what the log should say about an end. Code, cause, state and reason are
// patterns for the whole text. Whether there are times depends on the outcome.
type Why struct {
	Code, Cause, State string
	Outcome            string
	Status             int
	Connected          bool
	Answered           bool // the target has sent something
	Reason             string
}

// fits reports whether an end is as it should be.
func (w Why) fits(got Why) bool {
	for pattern, text := range map[*string]*string{&w.Code: &got.Code, &w.Cause: &got.Cause, &w.State: &got.State, &w.Reason: &got.Reason} {
		if regexp.MustCompile("^(?:" + *pattern + ")$").MatchString(*text) {
			*pattern = *text
		}
	}
	return w == got
}

// Because checks the end of the n-th session: the log line on its own, and
// compared with the session line.
func (p *Plug) Because(n int, want Why) {
	p.T.Helper()
	s, l := Last(p.Lines(n), 1)[0], Last(p.Ends(n), 1)[0]
	got := Why{l.Code, l.Cause, l.State, l.Outcome, l.Status, l.Connect != nil, l.First != nil, l.Reason}
	if !want.fits(got) {
		p.T.Errorf("the end of session %d: %+v, want %+v", n, got, want)
	}
	if l.PID != s.PID || l.In != s.In || l.Out != s.Out || l.Target != s.Target || !strings.HasPrefix(l.Client, s.Peer+":") {
		p.T.Errorf("%+v does not fit the session line %+v", l, s)
	}
	if l.Duration == nil || math.Abs(*l.Duration-float64(s.Took)/1e6) > 0.0015 {
		p.T.Errorf("%v ms, by the session line it took %v", l.Duration, s.Took)
		return
	}
	before := 0.0
	for _, at := range []*float64{l.Connect, l.First, l.Duration} {
		if at != nil {
			if *at < before || *at <= 0 {
				p.T.Errorf("%v ms after %v", *at, before)
			}
			before = *at
		}
	}
}

// KilledAt is the end of a session whose worker was killed at this stage.
func KilledAt(signal syscall.Signal, stage string, connected, answered bool) Why {
	letter := map[string]string{"connecting": "C", "negotiating": "N", "relaying": "R", "half-closed": "H"}[stage]
	return Why{"S" + letter, fmt.Sprintf("signal %d", int(signal)), stage, "killed", 4, connected, answered, ""}
}
