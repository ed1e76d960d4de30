// Tests of the client: errors, requests during an upgrade, long lists.

package control

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Every error of a client names the socket, and says what to check.
func TestClientErrors(t *testing.T) {
	dir := t.TempDir()
	stopped := filepath.Join(dir, "stopped") // listens, and never answers
	l, err := net.Listen("unix", stopped)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stale, err := Claim(filepath.Join(dir, "stale"), -1)
	if err != nil {
		t.Fatal(err)
	}
	stale.Close()
	rude := func(name, answer string) string {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Read(make([]byte, 1000))
				c.Write([]byte(answer))
				c.Close()
			}
		}()
		return path
	}
	for path, reason := range map[string]string{
		filepath.Join(dir, "none"):               "no such file or directory",
		stale.Path:                               "the plug has ended",
		stopped:                                  "no answer within 1s: the master is stopped",
		rude("silent", ""):                       "closed the connection without an answer",
		rude("garbage", "hello\n"):               "invalid answer",
		rude("long", strings.Repeat("x", 1<<20)): "at most 65536 bytes",
		rude("half", `{"version":1,"done":true`): "closed the connection",
	} {
		c, err := Dial(path, time.Second)
		if err == nil {
			err = c.Do(Request{Verb: Kill}, nil)
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "control socket "+path+": ") || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, want %q", filepath.Base(path), err, reason)
		}
	}
}

// Between two masters a client asks again, and the second one answers.
func TestClientAsksAgain(t *testing.T) {
	var n atomic.Int32
	path := serving(t, &Server{Answer: func(req *Request, _ func(Reply) error) Reply {
		if n.Add(1) < 4 {
			return Reply{Error: "changing", Again: true}
		}
		return Reply{Said: "second"}
	}})
	if r, err := ask(path); err != nil || r.Said != "second" || r.Error != "" {
		t.Errorf("%+v, %v", r, err)
	}
	n.Store(-1 << 30) // it never succeeds: the client gives up in time
	c, err := Dial(path, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	if err := c.Do(Request{Verb: Kill}, nil); err == nil || !strings.Contains(err.Error(), path+": changing") || time.Since(begun) > patience {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

// If the server has closed the connection since, the client connects again; a
// request that changes something is not repeated if it may have been carried
// out.
func TestClientAfterSilence(t *testing.T) {
	var n atomic.Int32
	path := serving(t, &Server{Silence: 30 * time.Millisecond, Answer: func(*Request, func(Reply) error) Reply {
		return Reply{Said: fmt.Sprint(n.Add(1))}
	}})
	c, err := Dial(path, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 3 {
		r, err := c.Ask(Request{Verb: GetStatus})
		if err != nil || r.Said != fmt.Sprint(i+1) {
			t.Errorf("%+v, %v", r, err)
		}
		p := make([]byte, 1)
		c.conn.SetReadDeadline(time.Now().Add(patience))
		c.conn.Read(p) // until the server has closed the connection
	}
}

// Long lists come in parts, and no reply is longer than a line may be.
func TestAsk(t *testing.T) {
	path := serving(t, &Server{Answer: func(_ *Request, more func(Reply) error) Reply {
		more(Reply{Sessions: make([]Session, Batch), Config: &Config{Program: "p", Args: []string{"1"}, Options: map[string]json.RawMessage{"mode": []byte(`"pool"`), "targets": []byte(`["t"]`)}}})
		more(Reply{Sessions: make([]Session, 3), Config: &Config{Args: []string{"2"}, Options: map[string]json.RawMessage{"targets": []byte(`["u"]`)}}, Metrics: &Metrics{Accepted: 9}})
		return Reply{Said: "x", Metrics: &Metrics{Targets: make([]Target, 2)}}
	}})
	r, err := ask(path)
	if err != nil || len(r.Sessions) != Batch+3 || r.Config.Program != "p" || strings.Join(r.Config.Args, "") != "12" || string(r.Config.Options["targets"]) != `["t","u"]` || string(r.Config.Options["mode"]) != `"pool"` ||
		r.Metrics.Accepted != 9 || len(r.Metrics.Targets) != 2 || r.Said != "x" || !r.Done {
		t.Errorf("%+v, %v", r, err)
	}
}

// A batch of the longest sessions and targets fits into a line.
func TestBatchFits(t *testing.T) {
	name := strings.Repeat("n", 253) + ":65535"
	var sessions Reply
	var targets Reply
	for range Batch {
		sessions.Sessions = append(sessions.Sessions, Session{ID: "4294967295-268435456-1099511627775", PID: 1 << 22,
			Client: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", Target: name, State: "half-closed", Begun: time.Now(), Age: 1234567.123456789,
			Idle: 1234567.123456789, In: 1 << 63, Out: 1 << 63, Build: strings.Repeat("v", 60), Connect: 12345.123456789, First: 12345.123456789})
		targets.Targets = append(targets.Targets, Target{Target: name, State: "draining", FailedFor: 1234567.123456789, Sessions: 1 << 30,
			Connects: 1 << 63, Failures: 1 << 63, LastFailure: strings.Repeat("f", 60), In: 1 << 63, Out: 1 << 63})
	}
	metrics := Reply{Metrics: new(Metrics)}
	for _, t := range targets.Targets[:MetricsBatch] {
		t.ConnectTimes = &Histogram{Sum: 1234567.123456789}
		for range 16 {
			t.ConnectTimes.Bounds = append(t.ConnectTimes.Bounds, 0.00025)
			t.ConnectTimes.Counts = append(t.ConnectTimes.Counts, 1<<63)
		}
		metrics.Metrics.Targets = append(metrics.Metrics.Targets, t)
	}
	for _, r := range []Reply{sessions, targets, metrics} {
		line, err := json.Marshal(r)
		if err != nil || len(line)+1 > MaxReply {
			t.Errorf("%d bytes, %v", len(line), err)
		}
	}
}

// A socket's name belongs to one process, and to the next one only after its end.
func TestSocketClaim(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ctl")
	first, err := Claim(path, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(path, -1); err == nil || !strings.Contains(err.Error(), "control socket "+path+": held by ") {
		t.Errorf("a second one: %v", err)
	}
	first.Close() // its process has ended
	second, err := Claim(path, -1)
	if err != nil {
		t.Fatal("a stale one: ", err)
	}
	if dup, err := second.Listener(); err != nil {
		t.Error(err)
	} else {
		dup.Close()
	}
	leavesNothing(t, dir)
	owner := *second
	owner.ID.Number++ // another process has replaced it
	owner.FD = -1
	owner.Remove()
	if _, err := inodeOf(path); err != nil {
		t.Error("another's socket was removed")
	}
	if err := second.Remove(); err != nil {
		t.Error(err)
	}
}

// A prepared socket has its name only when it is published, and leaves nothing if it is
// removed before or after that.
func TestSocketPrepare(t *testing.T) {
	dir := t.TempDir()
	published, err := Prepare(filepath.Join(dir, "ctl"), -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("unix", published.Path); err == nil {
		t.Error("a prepared socket has its name")
	}
	if err := published.Publish(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", published.Path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := published.Remove(); err != nil {
		t.Error(err)
	}
	leavesNothing(t, dir)
	other, err := Prepare(filepath.Join(dir, "other"), -1)
	if err != nil {
		t.Fatal(err)
	}
	other.Remove()
	leavesNothing(t, dir)
}

// leavesNothing checks that no temporary name is left in a directory.
func leavesNothing(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, ".plug*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
