// Tests of the commands against a fake master: requests, output, JSON.

package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"daemon/plug/supervisor/control"
)

var (
	one   = control.Session{Plug: "119", ID: "1-0-2", PID: 4750, Client: "10.1.2.3:33609", Target: "10.0.3.15:119", State: "relaying", Age: 252, In: 300, Build: "3.0.0"}
	other = control.Session{Plug: "119", ID: "1-3-10", PID: 4749, Client: "10.1.2.20:40327", Target: "10.0.3.15:119", State: "relaying", Age: 500, In: 7, Build: "3.0.0"}
)

var yes = true

// table holds the fake master's replies.
var table = map[control.Verb][]control.Reply{
	control.GetStatus:   {{Status: &control.Status{Plug: "119", Label: "119", Mode: "pool", Phase: "running", PID: 4742, Started: noon, Since: noon}}},
	control.GetSessions: {{Sessions: []control.Session{other}}, {Sessions: []control.Session{one}}},
	control.GetTargets:  {{Targets: []control.Target{{Plug: "119", Target: "10.0.3.15:119", State: "good", Connects: 3}}}},
	control.GetWorkers:  {{Workers: []control.Worker{{Plug: "119", PID: 4749, State: "busy", Generation: 1, Sessions: 1, Age: 500, Build: "3.0.0"}}}},
	control.GetConfig:   {{Config: &control.Config{Program: "/sbin/plug", Args: []string{"119"}, Options: map[string]json.RawMessage{"mode": []byte(`"pool"`), "targets": []byte(`["10.0.3.15:119"]`)}}}},
	control.Kill:        {{Progress: &control.Progress{Phase: "ending", Sessions: 1}}, {Sessions: []control.Session{one}}, {Said: "1 session ended", Changed: &yes}},
	control.SetTarget:   {{Said: "10.0.3.15:119 is disabled", Targets: []control.Target{{Plug: "119", Target: "10.0.3.15:119", State: "disabled"}}}},
	control.SetAccept:   {{Said: "accepting is paused; new clients wait"}},
	control.Upgrade:     {{Progress: &control.Progress{Phase: "upgrading", Sessions: 2}}, {Said: "PID 9 is the master now"}},
	control.Reload:      {{Error: "line 3: \x1b[31mnonsense"}},
	control.Reopen:      {{Said: "reopened", Changed: &yes}},
	control.Stop:        {{Progress: &control.Progress{Phase: "draining", Sessions: 2}}, {Progress: &control.Progress{Phase: "draining", Sessions: 1}}, {Said: "the plug has stopped"}},
	control.SetLogLevel: {{Said: "the log level is 2", Changed: new(bool)}},
}

// TestCommands: each command sends its request, prints the answer and exits
// with the answer's status.
func TestCommands(t *testing.T) {
	f := fakeMaster(t, table)
	for _, c := range []struct {
		line   string
		want   control.Request
		status int
		stdout []string // parts of it
		stderr []string
	}{
		{"status", control.Request{Verb: control.GetStatus}, 0, []string{"plug       119, pool, running\n", "master     PID 4742, for 0.0s\n"}, nil},
		{"sessions", control.Request{Verb: control.GetSessions, Filter: &control.Filter{}}, 0,
			[]string{"ID      PID CLIENT", "\n1-0-2  4750 10.1.2.3:33609 ", "\n1-3-10 4749 10.1.2.20:40327 "}, nil},
		{"sessions --sort age", control.Request{Verb: control.GetSessions, Filter: &control.Filter{}}, 0, []string{"VERSION\n1-3-10"}, nil},
		{"sessions --sort age -r", control.Request{Verb: control.GetSessions, Filter: &control.Filter{}}, 0, []string{"VERSION\n1-0-2"}, nil},
		{"sessions --wide", control.Request{Verb: control.GetSessions, Filter: &control.Filter{}}, 0, []string{"FIRST\n"}, nil},
		{"sessions --plug 119 --client 10.0.0.0/8 --target 10.0.3.15 --pid 4,5 --pid 6 --id 1-0-2 --state relaying --older-than 1m --idle-for 0.5 --worker-version a --other-version b",
			control.Request{Verb: control.GetSessions, Filter: &control.Filter{Plug: "119", Client: "10.0.0.0/8", Target: "10.0.3.15", PIDs: []int{4, 5, 6}, IDs: []string{"1-0-2"},
				State: "relaying", OlderThan: 60, IdleFor: 0.5, Worker: "a", NotVersion: "b"}}, 0, nil, nil},
		{"targets", control.Request{Verb: control.GetTargets}, 0, []string{"10.0.3.15:119  good "}, nil},
		{"workers", control.Request{Verb: control.GetWorkers}, 0, []string{"4749  busy  "}, nil},
		{"config", control.Request{Verb: control.GetConfig}, 0, []string{"/sbin/plug 119\n", "mode     pool\n"}, nil},
		{"kill 1-0-2 1-0-3", control.Request{Verb: control.Kill, Filter: &control.Filter{IDs: []string{"1-0-2", "1-0-3"}}}, 0,
			[]string{"\n1-0-2 4750", "\n1 session ended\n"}, []string{"ending: 1 session left\n"}},
		{"kill --client 10.1.2.3 -n", control.Request{Verb: control.Kill, DryRun: true, Filter: &control.Filter{Client: "10.1.2.3"}}, 0, []string{"1-0-2"}, nil},
		{"kill --all", control.Request{Verb: control.Kill, Filter: &control.Filter{All: true}}, 0, []string{"1-0-2"}, nil},
		{"target disable 10.0.3.15:119", control.Request{Verb: control.SetTarget, Target: "10.0.3.15:119", State: "disabled"}, 0, []string{"10.0.3.15:119 is disabled\n"}, nil},
		{"target drain x", control.Request{Verb: control.SetTarget, Target: "x", State: "draining"}, 0, nil, nil},
		{"target enable x", control.Request{Verb: control.SetTarget, Target: "x", State: "enabled"}, 0, nil, nil},
		{"accept pause", control.Request{Verb: control.SetAccept, State: "paused"}, 0, []string{"accepting is paused"}, nil},
		{"accept resume", control.Request{Verb: control.SetAccept, State: "open"}, 0, nil, nil},
		{"upgrade", control.Request{Verb: control.Upgrade}, 0, []string{"PID 9 is the master now\n"}, []string{"upgrading: 2 sessions continue\n"}},
		{"reload", control.Request{Verb: control.Reload}, 1, nil, []string{"plugctl: line 3: \\x1b[31mnonsense\n"}},
		{"reopen", control.Request{Verb: control.Reopen}, 0, []string{"reopened\n"}, nil},
		{"stop", control.Request{Verb: control.Stop}, 0, []string{"the plug has stopped\n"}, nil},
		{"stop --drain", control.Request{Verb: control.Stop, Drain: true}, 0, []string{"the plug has stopped\n"}, []string{"draining: 2 sessions left\n"}},
		{"log-level 2", control.Request{Verb: control.SetLogLevel, Level: 2}, 0, []string{"the log level is 2 (unchanged)\n"}, nil},
	} {
		args := append(strings.Fields(c.line), "-s", f.path)
		status, stdout, stderr := plugctl(args...)
		c.want.Version = control.Version
		if got := f.last(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: asked %+v, want %+v", c.line, got, c.want)
		}
		if status != c.status {
			t.Errorf("%s: status %d, want %d; %s", c.line, status, c.status, stderr)
		}
		prints(t, c.line, "stdout", stdout, c.stdout)
		prints(t, c.line, "stderr", stderr, c.stderr)
		if strings.Contains(stdout+stderr, "\x1b") {
			t.Errorf("%s: an escape went through: %q %q", c.line, stdout, stderr)
		}
	}
}

// prints checks that a command's output has these parts.
func prints(t *testing.T, command, where, text string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: no %q on %s:\n%s", command, part, where, text)
		}
	}
}

// TestJSON: each command's answer is JSON with the keys of the messages, one
// object per line; a failure has its reason there, too.
func TestJSON(t *testing.T) {
	f := fakeMaster(t, table)
	for line, want := range map[string]string{
		"status":         `{"done":true,"status":{"plug":"119","label":"119",`,
		"sessions":       `{"done":true,"sessions":[{"plug":"119","id":"1-0-2","pid":4750,"client":"10.1.2.3:33609","target":"10.0.3.15:119","state":"relaying",`,
		"targets":        `{"done":true,"targets":[{"plug":"119","target":"10.0.3.15:119","state":"good","sessions":0,"connects":3,"failures":0,"bytes_in":0,"bytes_out":0}],"version":1}` + "\n",
		"workers":        `{"done":true,"version":1,"workers":[{"plug":"119","pid":4749,`,
		"config":         `{"config":{"program":"/sbin/plug","args":["119"],"options":{"mode":"pool","targets":["10.0.3.15:119"]}},"done":true,"version":1}` + "\n",
		"kill 1-0-2":     `{"progress":{"phase":"ending","sessions":1},"version":1}` + "\n" + `{"changed":true,"done":true,"said":"1 session ended","sessions":[{"plug":"119","id":"1-0-2",`,
		"target drain x": `{"done":true,"said":"10.0.3.15:119 is disabled","targets":[{"plug":"119","target":"10.0.3.15:119","state":"disabled",`,
		"accept pause":   `{"done":true,"said":"accepting is paused; new clients wait","version":1}` + "\n",
		"stop --drain":   `{"progress":{"phase":"draining","sessions":2},"version":1}` + "\n" + `{"progress":{"phase":"draining","sessions":1},"version":1}` + "\n" + `{"done":true,`,
		"reload":         `{"done":false,"error":"line 3: \u001b[31mnonsense","version":1}` + "\n",
		"reopen":         `{"changed":true,"done":true,"said":"reopened","version":1}` + "\n",
		"upgrade":        `{"progress":{"phase":"upgrading","sessions":2},"version":1}` + "\n" + `{"done":true,"said":"PID 9 is the master now","version":1}` + "\n",
		"log-level 0":    `{"changed":false,"done":true,"said":"the log level is 2","version":1}` + "\n",
		"top --count 1":  `{"status":{"plug":"119","label":"119",`,
	} {
		args := append(strings.Fields(line), "--json", "-s", f.path)
		_, stdout, _ := plugctl(args...)
		if !strings.HasPrefix(stdout, want) {
			t.Errorf("%s: %s\nwant %s", line, stdout, want)
		}
		for part := range strings.Lines(stdout) {
			if !json.Valid([]byte(part)) {
				t.Errorf("%s: not JSON: %q", line, part)
			}
		}
	}
}

// TestJSONEmpty: a list without elements is [], so that a program can count it.
func TestJSONEmpty(t *testing.T) {
	f := fakeMaster(t, map[control.Verb][]control.Reply{control.GetSessions: {{}}, control.GetTargets: {{}}, control.GetWorkers: {{}}, control.Kill: {{Said: "0 sessions ended"}}})
	for _, verb := range []string{"sessions", "targets", "workers"} {
		if _, stdout, _ := plugctl(verb, "--json", "-s", f.path); !strings.Contains(stdout, `"`+verb+`":[]`) {
			t.Errorf("%s: %s", verb, stdout)
		}
	}
	status, stdout, stderr := plugctl("kill", "1-2-3", "--json", "-s", f.path)
	if status != exitNone || stdout != `{"done":false,"error":"no session matches","version":1}`+"\n" || stderr != "plugctl: no session matches\n" {
		t.Errorf("kill of nothing: %d, %q, %q", status, stdout, stderr)
	}
}

// TestKillInPart: if some sessions cannot be ended, the others are shown, and
// the status is that of a failure.
func TestKillInPart(t *testing.T) {
	f := fakeMaster(t, map[control.Verb][]control.Reply{control.Kill: {{Sessions: []control.Session{one}}, {Said: "1 session ended", Error: "1 of 2 sessions could not be ended: why"}}})
	status, stdout, stderr := plugctl("kill", "--all", "-s", f.path)
	if status != exitFailed || !strings.Contains(stdout, "1-0-2") || stderr != "plugctl: 1 of 2 sessions could not be ended: why\n" {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	status, stdout, _ = plugctl("kill", "--all", "--json", "-s", f.path)
	if status != exitFailed || strings.Count(stdout, "\n") != 1 || !strings.Contains(stdout, `"error":"1 of 2`) || !strings.Contains(stdout, `"id":"1-0-2"`) {
		t.Errorf("%d, %q", status, stdout)
	}
}
