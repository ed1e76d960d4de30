// Tests of adopted generations: their workers' lines and logs have the form that
// their own options require.

package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/sink"
	"daemon/plug/worker/board"
)

// replaceGeneration makes another generation, with its own configuration, the one
// that accepts; the existing workers stay in theirs.
func (s *testMaster) replaceGeneration(workers int, set func(*settings)) (old *generation) {
	s.t.Helper()
	cfg := &settings{Process: *s.cfg, Plug: *s.plug.cfg}
	cfg.Listeners = slices.Clone(cfg.Listeners)
	set(cfg)
	old = s.plug.generation
	next, err := newGeneration(old.number+1, &cfg.Process, &cfg.Plug, workers, 1, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if len(s.plug.older) > 0 { // it is not retired
			old.close()
		}
	})
	next.plug = s.plug
	s.plug.older, s.plug.generation, s.plug.cfg, s.plug.tag = []*generation{old}, next, &cfg.Plug, cfg.Tag()
	s.syslog.Tag = s.plug.tag
	old.moved, _ = matchTargets(old.board, next.board)
	old.handCounts(next)
	return old
}

// Records about a dead worker follow the options of its own generation, not those
// of the current one.
func TestRecordsOfAnOlderGeneration(t *testing.T) {
	const complete, killed = "(127.0.0.1 0): Complete, status=4.", "(127.0.0.1 0): session from 10.1.2.3: killed by signal 9"
	for _, c := range []struct {
		name     string
		log      bool // -l; the current generation has the opposite setting
		json     bool // the same
		at, next uint32
		logs     []string
		line     string // on stderr
	}{
		{"with -l, at -d", true, false, 1, 0, []string{complete, killed}, "[DEBUG] plug: session ended: client=10.1.2.3:40112 "},
		{"in JSON, at -dd", false, true, 2, 0, []string{killed}, `{"@level":"debug","@message":"session ended",`},
		{"quiet", false, false, 0, 1, []string{killed}, ""},
	} {
		s, all := serving(t, func(cfg *settings) {
			cfg.Log, cfg.LogFormat = c.log, map[bool]string{true: "json"}[c.json]
		})
		s.syslog.Sink.Flush(patience)
		before := len(s.syslogLines.all())
		stderr := new(logLines)
		s.stderr = sink.New(0, stderr.add)
		s.addSession(all[0], "10.1.2.3:40112")
		old := s.replaceGeneration(6, func(cfg *settings) {
			cfg.Listeners[0].Port, cfg.Log, cfg.LogFormat = 120, !c.log, map[bool]string{false: "json"}[c.json]
		})
		old.board.State.LogAt.Store(c.at)
		s.plug.generation.board.State.LogAt.Store(c.next)
		s.kill(all[0], unix.SIGKILL)
		if line := s.sessionLines(1)[0]; !strings.Contains(line, "] 127.0.0.1:0 10.1.2.3 ") {
			t.Errorf("%s: line %q", c.name, line)
		}
		s.syslog.Sink.Flush(patience)
		if got := s.syslogLines.all()[before:]; strings.Join(got, "\n") != strings.Join(c.logs, "\n") {
			t.Errorf("%s: syslog %q, want %q", c.name, got, c.logs)
		}
		s.stderr.Flush(patience)
		checkLine(t, c.name+": stderr", stderr.all(), c.line)
	}
}

// A worker of another generation is looked up on its own board: its slot may not
// exist in the current generation.
func TestRestOfAnOlderGeneration(t *testing.T) {
	s, all := serving(t, func(cfg *settings) { cfg.SparesMin, cfg.SparesMax = 4, 4 })
	s.addSession(all[3], "10.1.2.3:40112") // its doorbell has not arrived yet
	s.replaceGeneration(2, func(cfg *settings) { cfg.SparesMin, cfg.SparesMax = 0, 1 })
	if all[3].slot < 2 {
		t.Fatalf("slot %d", all[3].slot)
	}
	for range 2 * restAfter {
		s.ticks.n++
		s.plug.rest()
	}
	if all[3].state != spare {
		t.Errorf("the worker with a session is %s", all[3].state)
	}
}

// A failure of the session file is logged by the loop, once per generation: its
// writer must not read what a reload replaces.
func TestSessionFailureIsTheLoops(t *testing.T) {
	s := newTestMaster(t, nil)
	s.plug.sessionFile.path = "/dev/full"
	if err := s.reopenNow(); err != nil {
		t.Skip("no /dev/full")
	}
	s.plug.sessionFile.write([]byte("a line\n"))
	old := s.replaceGeneration(2, func(*settings) {})
	select {
	case call := <-s.calls:
		call()
	case <-time.After(patience):
		t.Fatal("the loop gets no call")
	}
	s.syslog.Sink.Flush(patience)
	if !s.syslogLines.has("session file /dev/full") {
		t.Errorf("syslog %q", s.syslogLines.all())
	}
	if s.plug.generation.board.State.LogTimes[board.LogSession].Load() == 0 {
		t.Error("the current generation has no time of the log line")
	}
	if old.board.State.LogTimes[board.LogSession].Load() != 0 {
		t.Error("the old generation has a time of the log line")
	}
}
