// Tests of TestChaos's judge: it accepts a correct run and finds each fault.

package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// theTruth is a correct trial of four sessions: a whole one, one whose worker
// was killed, one that came while there was no master, and one that was lost
// with its worker and its master.
func theTruth(t0 time.Time) *trial {
	at := func(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	p := plan{name: "p", up: half{n: 100}, down: half{n: 1000}}
	broken := errors.New("reset")
	return &trial{
		single: true,
		sessions: []*chaosSession{
			{plan: p, peer: "a", began: at(0), first: at(1), ended: at(50), received: 1001, seen: 1, target: "t", taken: 108, answered: true},
			{plan: p, peer: "b", began: at(0), first: at(1), ended: at(20), received: 500, err: broken, seen: 1, target: "t", taken: 10, targetErr: errShort, answered: true},
			{plan: p, peer: "c", began: at(5000), ended: at(5001), err: broken},
			{plan: p, peer: "d", began: at(5000), first: at(5001), ended: at(5020), received: 7, err: broken, seen: 1, target: "t", taken: 10, targetErr: errShort, answered: true},
		},
		targets: map[string][2]int64{"t": {3, 0}},
		lines: []harness.SessionLine{
			{PID: 1, Peer: "a", Target: "t", In: 108, Out: 1001, Took: 49 * time.Millisecond},
			{PID: 2, Peer: "b", Target: "t", In: 50, Out: 600},
		},
		blows: []blow{
			{at: at(19), signal: syscall.SIGKILL, pid: 2, master: 8},
			{at: at(5010), signal: syscall.SIGKILL, pid: 3, master: 9},
		},
		ended:   map[int]time.Time{9: at(5015)},
		outages: []harness.Span{{From: at(4990), To: at(5100)}},
	}
}

// The judge accepts the correct trial, and finds every fault.
func TestChaosJudgeFindsLies(t *testing.T) {
	t0 := time.Now()
	for name, lie := range map[string]func(*trial){
		"":                            func(*trial) {},
		"a byte changed":              func(r *trial) { r.sessions[0].err = errors.New("byte 7 differs") },
		"the target had less":         func(r *trial) { r.sessions[0].targetErr = errShort },
		"IN is wrong":                 func(r *trial) { r.lines[0].In-- },
		"OUT is wrong":                func(r *trial) { r.lines[0].Out++ },
		"another target":              func(r *trial) { r.lines[0].Target = "u" },
		"two targets":                 func(r *trial) { r.sessions[0].seen = 2 },
		"a whole one without a line":  func(r *trial) { r.lines = r.lines[1:] },
		"a killed one without a line": func(r *trial) { r.lines = r.lines[:1] },
		"a line twice":                func(r *trial) { r.lines = append(r.lines, r.lines[0]) },
		"a line three times":          func(r *trial) { r.lines = append(r.lines, r.lines[1], r.lines[1]) },
		"a line of an unknown client": func(r *trial) { r.lines = append(r.lines, harness.SessionLine{Peer: "x"}) },
		"broken though nobody struck": func(r *trial) { r.blows = r.blows[1:] },
		"struck much later":           func(r *trial) { r.blows[0].at = t0.Add(3 * time.Second) },
		"another worker was struck":   func(r *trial) { r.blows[0].pid = 7 },
		"fewer bytes than arrived":    func(r *trial) { r.lines[1].Out = 499 },
		"unserved beside a master":    func(r *trial) { r.outages = nil; r.blows[1].at = t0 },
		"lost with a living master":   func(r *trial) { r.ended = nil },
		"lost long before its master": func(r *trial) { r.ended[9] = t0.Add(7 * time.Second) },
		"another client's worker died": func(r *trial) {
			r.blows[1].peer = "e"
			r.sessions[2].peer = "e"
			r.sessions[2].ended = t0.Add(6 * time.Second)
		},
		"a connection without a line":  func(r *trial) { r.targets["t"] = [2]int64{4, 2} },
		"a line without a connection":  func(r *trial) { r.lines[1].Target = "u"; r.sessions[1].target, r.sessions[1].seen = "", 0 },
		"a client waited":              func(r *trial) { r.sessions[0].began = t0.Add(-servedWithin) },
		"USEC of another clock":        func(r *trial) { r.lines[0].Took = 3 * time.Second },
		"a cut that looks like an end": func(r *trial) { r.sessions[0].plan.order = cutShort; r.sessions[0].targetErr = errShort },
	} {
		r := theTruth(t0)
		lie(r)
		if v := r.judge(); (len(v.faults) > 0) != (name != "") {
			t.Errorf("%q: %v", name, v.faults)
		}
	}
	if v := theTruth(t0).judge(); v.whole != 1 || v.broken != 1 || v.unserved != 1 || v.lost != 1 {
		t.Errorf("the truth counts %+v", v)
	}
}

// A torn line, followed by a whole one.
func TestChaosReadTorn(t *testing.T) {
	const line = "[2026-11-22 17:30:00] plug[4711] 119 127.0.0.1 127.0.0.1:119 12 34 5600000\n"
	path := filepath.Join(harness.OpenDir(t), "s")
	for content, want := range map[string][2]int{
		"":                               {0, 0},
		line + line:                      {2, 0},
		line[:30] + line:                 {1, 1},
		line + line[:3] + line:           {2, 1},
		line + line[:len(line)-2]:        {2, 0},
		strings.Repeat("\x00", 9) + line: {1, 1},
		line + line[:9]:                  {1, 1},
	} {
		os.WriteFile(path, []byte(content), 0o644)
		lines, torn, err := readTorn(path)
		if len(lines) != want[0] || torn != want[1] || err != nil {
			t.Errorf("%q: %d lines, %d torn, %v", content, len(lines), torn, err)
		}
	}
	os.WriteFile(path, []byte("nothing like it\n"), 0o644)
	if _, _, err := readTorn(path); err == nil {
		t.Error("anything passes for a line")
	}
}
