// Tests of the master's logs: errors of dead workers, and that a start that fails
// waits until its logs are written.

package supervisor

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"daemon/plug/supervisor/sink"
)

// records holds what a sink has written.
type records struct {
	mu  sync.Mutex
	got []string
}

func (r *records) write(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, string(p))
}

func (r *records) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

// An error that a worker cannot log itself carries the worker's PID, and goes
// where the worker would have sent it.
func TestErrorsOfDeadWorkers(t *testing.T) {
	of := func(foreground bool) *child {
		cfg := newConfig()
		cfg.Foreground, cfg.Listeners[0].Port = foreground, 119
		g, err := newGeneration(1, &cfg.Process, &cfg.Plug, 1, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.close)
		return &child{pid: 4712, generation: g}
	}
	var r records
	s := &sink.Syslog{Sink: sink.New(0, r.write), Tag: "(1)", PID: 1}
	m, p := bareMaster(newConfig())
	m.syslog = s
	p.logError(of(false), "session from 10.0.0.1", "killed by signal 9")
	s.Sink.Flush(10 * time.Second)
	if got := r.all(); len(got) != 1 || !strings.HasSuffix(got[0], " plug[4712]: (119): session from 10.0.0.1: killed by signal 9") {
		t.Errorf("syslog %q", got)
	}
	var stderr bytes.Buffer
	p.log = sink.NewLogger(true, 0, false, &stderr, s)
	p.logError(of(true), "session from 10.0.0.1", "killed by signal 9")
	for _, want := range []string{"session from 10.0.0.1", "worker=4712"} {
		if text := stderr.String(); !strings.Contains(text, want) {
			t.Errorf("stderr %q, want %q", text, want)
		}
	}
	if got := r.all(); len(got) != 1 {
		t.Errorf("syslog %q, want only the first error", got)
	}
}

// A start that fails waits for both logs, because they contain the reason.
func TestAbandonFlushesTheLogs(t *testing.T) {
	for _, name := range []string{"stderr", "syslog"} {
		var r records
		writing, write, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
		slow := sink.New(0, func(p []byte) { close(writing); <-write; r.write(p) })
		m, _ := bareMaster(newConfig())
		if name == "stderr" {
			m.stderr = slow
		} else {
			m.syslog = &sink.Syslog{Sink: slow}
		}
		slow.Put([]byte("why"))
		<-writing
		go func() { m.abandon(); close(over) }()
		select {
		case <-over:
			t.Errorf("%s: the master does not wait for it", name)
		case <-time.After(50 * time.Millisecond):
		}
		close(write)
		<-over
		if len(r.all()) != 1 {
			t.Errorf("%s: %q", name, r.all())
		}
	}
}
