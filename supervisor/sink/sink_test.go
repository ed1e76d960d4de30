// Tests of sinks with a writer that can be blocked, of what syslog receives, and
// of the logger's levels.

package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// recorder is a sink's writer that can be blocked.
type recorder struct {
	mu     sync.Mutex
	got    []string
	inHand chan struct{} // gets a value for each record before the gate; may be nil
	gate   chan struct{} // each record waits for one value from it; may be nil
}

func (r *recorder) write(p []byte) {
	select {
	case r.inHand <- struct{}{}:
	default:
	}
	if r.gate != nil {
		<-r.gate
	}
	r.mu.Lock()
	r.got = append(r.got, string(p))
	r.mu.Unlock()
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

func TestSinkKeepsTheOrder(t *testing.T) {
	var r recorder
	s := New(0, r.write)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 1000 {
				s.Put(fmt.Appendf(nil, "%d %d", w, i))
			}
		})
	}
	writers.Wait()
	if !s.Flush(10 * time.Second) {
		t.Fatal("not flushed")
	}
	next := [4]int{}
	for _, line := range r.all() {
		var w, i int
		fmt.Sscan(line, &w, &i)
		if i != next[w] {
			t.Fatalf("record %d of writer %d came when %d was due", i, w, next[w])
		}
		next[w]++
	}
	if next != [4]int{1000, 1000, 1000, 1000} || s.Dropped.Load() != 0 {
		t.Errorf("%v records, %d dropped", next, s.Dropped.Load())
	}
}

// A blocked writer blocks no caller: records wait up to the limit, and those
// beyond it are dropped and counted.
func TestSinkIsBounded(t *testing.T) {
	r := recorder{gate: make(chan struct{}), inHand: make(chan struct{}, 1)}
	s := New(10, r.write)
	s.Put([]byte("first"))
	<-r.inHand
	for i := range 15 {
		s.Put(fmt.Appendf(nil, "%d", i))
	}
	if n := s.Dropped.Load(); n != 5 {
		t.Errorf("%d dropped, want 5", n)
	}
	if s.Flush(20 * time.Millisecond) {
		t.Error("flushed, though the writer is blocked")
	}
	close(r.gate)
	if !s.Flush(10 * time.Second) {
		t.Fatal("not flushed")
	}
	if got := r.all(); len(got) != 11 || got[0] != "first" || got[10] != "9" {
		t.Errorf("written: %q", got)
	}
	s.Put([]byte("room again"))
	if !s.Flush(10*time.Second) || len(r.all()) != 12 || s.Dropped.Load() != 5 {
		t.Error("no room behind the jam")
	}
}

// hclog reuses its buffer, so a sink keeps a copy.
func TestSinkCopies(t *testing.T) {
	r := recorder{gate: make(chan struct{})}
	s := New(0, r.write)
	p := []byte("before")
	if n, err := s.Write(p); n != len(p) || err != nil {
		t.Error(n, err)
	}
	copy(p, "behind")
	close(r.gate)
	if s.Flush(10 * time.Second); r.all()[0] != "before" {
		t.Errorf("written: %q", r.all())
	}
}

func TestSyslogTexts(t *testing.T) {
	for _, c := range []struct {
		level hclog.Level
		msg   string
		args  []any
		want  string // with its priority; "" for no record
	}{
		{hclog.Error, "pidfile", []any{"error", errors.New("pidfile /x: no space")}, "<27>(119): pidfile: pidfile /x: no space"},
		{hclog.Error, "fork", []any{"error", os.NewSyscallError("clone", syscall.EAGAIN)}, "<27>(119): fork: Resource temporarily unavailable"},
		{hclog.Error, "clients are waiting", []any{"reason", "all carry a session", "max-workers", 8}, "<27>(119): clients are waiting max-workers=8: all carry a session"},
		{hclog.Error, "worker died", []any{"pid", 7, "reason", "killed by signal 9", "pause", time.Second}, "<27>(119): worker died pid=7 pause=1s: killed by signal 9"},
		{hclog.Warn, "upgrade refused", []any{"reason", "no"}, "<28>(119): upgrade refused: no"},
		{hclog.Warn, "alone", nil, "<28>(119): alone"},
		{hclog.Warn, "odd", []any{"key"}, "<28>(119): odd"},
		{hclog.Warn, "forged", []any{"reason", "a\n<0>b"}, "<28>(119): forged: a?<0>b"},
		{hclog.Info, "serving", []any{"source", "119"}, ""},
		{hclog.Debug, "signal", nil, ""},
		{hclog.Trace, "more", nil, ""},
	} {
		var r recorder
		s := &Syslog{Sink: New(0, r.write), Tag: "(119)", PID: 4711}
		s.Accept("plug", c.level, c.msg, c.args...)
		s.Sink.Flush(10 * time.Second)
		got := ""
		for _, record := range r.all() {
			priority, rest, _ := strings.Cut(record, ">")
			_, text, ok := strings.Cut(rest, " plug[4711]: ")
			if !ok {
				t.Errorf("%s: the frame of %q", c.msg, record)
			}
			got += priority + ">" + text
		}
		if got != c.want {
			t.Errorf("%s %v: %q, want %q", c.msg, c.args, got, c.want)
		}
	}
}

func TestLoggers(t *testing.T) {
	for _, c := range []struct {
		foreground       bool
		debug            int
		json             bool
		stderr, syslogs  []string // what must be there, in this order
		neither, noneToo string
	}{
		{true, 0, false, []string{"[WARN]", "[ERROR]"}, nil, "[INFO]", "[DEBUG]"},
		{true, 1, false, []string{"[DEBUG]", "[INFO]", "[WARN]", "[ERROR]"}, nil, "[TRACE]", ""},
		{true, 2, false, []string{"[TRACE]", "[DEBUG]", "[INFO]", "[WARN]", "[ERROR]"}, nil, "", ""},
		{false, 0, false, nil, []string{"a warning", "an error: why"}, "[INFO]", ""},
		{true, 0, true, []string{`"@level":"warn"`, `"@level":"error"`}, nil, "info", ""},
	} {
		var stderr bytes.Buffer
		var r recorder
		s := &Syslog{Sink: New(0, r.write), Tag: "(119)", PID: 1}
		log := NewLogger(c.foreground, c.debug, c.json, &stderr, s)
		log.Trace("a trace")
		log.Debug("a detail")
		log.Info("news")
		log.Warn("a warning")
		log.Error("an error", "reason", "why")
		s.Sink.Flush(10 * time.Second)
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if stderr.Len() == 0 {
			lines = nil
		}
		if len(lines) != len(c.stderr) || len(r.all()) != len(c.syslogs) {
			t.Errorf("foreground %v, debug %d: stderr %q, syslog %q", c.foreground, c.debug, lines, r.all())
			continue
		}
		for i, want := range c.stderr {
			if !strings.Contains(lines[i], want) {
				t.Errorf("line %q, want %q", lines[i], want)
			}
			if c.json && !json.Valid([]byte(lines[i])) {
				t.Errorf("line %q is no JSON", lines[i])
			}
		}
		for i, want := range c.syslogs {
			if !strings.HasSuffix(r.all()[i], "(119): "+want) {
				t.Errorf("syslog %q, want %q", r.all()[i], want)
			}
		}
		for _, no := range []string{c.neither, c.noneToo} {
			if no != "" && strings.Contains(stderr.String(), no) {
				t.Errorf("debug %d: %q in %q", c.debug, no, stderr.String())
			}
		}
	}
}
