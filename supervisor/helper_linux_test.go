// Helpers of the master's tests: a master with a real board and watcher, and with
// processes that the tests control.

package supervisor

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/sink"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/await"
)

const patience = await.Patience

var until = await.Until

// starter is a Starter that records what it is told.
type starter struct {
	ready  int
	told   []string
	texts  []string // the texts of these messages
	status string   // the last status
	alive  time.Duration
	gone   chan struct{}
	first  bool // it is PID 1
}

func (s *starter) Ready() error { s.ready++; return nil }

func (s *starter) Gone() <-chan struct{} { return s.gone }

func (s *starter) Role() string { return "service" }

func (s *starter) FD() int { return -1 }

func (s *starter) Become(string, int) {}

func (s *starter) Tell(word, text string) {
	s.told, s.texts = append(s.told, word), append(s.texts, text)
	if word == "status" {
		s.status = text
	}
}

func (s *starter) EndsAll() bool { return s.first }

func (s *starter) Alive() time.Duration { return s.alive }

// testMaster is a master with real descriptors, whose loop the test plays. The test
// is also its spawner: it takes the spawn requests and starts processes that only
// sleep.
type testMaster struct {
	*master
	plug        *plug // its first one
	t           *testing.T
	syslogLines *logLines
	starter     *starter
	workers     map[uint64]*testWorker // by the child's id
	path        string                 // of the session file
}

// newTestMaster makes a master whose loop has not started.
func newTestMaster(t *testing.T, set func(*settings)) *testMaster {
	t.Helper()
	dir := t.TempDir()
	cfg := &settings{Plug: config.Plug{Mode: config.Prefork, SparesMin: 2, SparesMax: 4, MaxWorkers: 6, MaxUses: 10000,
		Listeners:      []config.Source{{Addr: netip.MustParseAddr("127.0.0.1"), Named: true, Backlog: 16}},
		Targets:        []config.Target{{Addr: netip.MustParseAddrPort("127.0.0.1:9"), Port: 9}},
		ConnectTimeout: time.Second, StickyTimeout: time.Hour, SessionLog: filepath.Join(dir, "sessions"), Log: true}}
	if set != nil {
		set(cfg)
	}
	s := &testMaster{t: t, syslogLines: new(logLines), starter: &starter{gone: make(chan struct{})}, workers: map[uint64]*testWorker{}, path: cfg.SessionLog}
	m := newMaster(&cfg.Process, s.starter)
	m.shutdown.deadline = time.Now().Add(startPatience)
	s.master = m
	m.stderr = sink.New(0, func([]byte) {})
	m.syslog = &sink.Syslog{Sink: sink.New(0, s.syslogLines.add), FD: -1, Tag: cfg.Tag(), PID: m.pid}
	m.log = sink.NewLogger(false, 0, false, m.stderr, m.syslog)
	var err error
	if m.watcher, err = watch.New(); err != nil {
		t.Fatal(err)
	}
	s.plug = s.add(&cfg.Plug)
	if err := m.pidfile.claim(cfg.Pidfile, m.pid); err != nil {
		t.Fatal(err)
	}
	m.setZone(time.Now())
	t.Cleanup(s.close)
	return s
}

// add adds a plug to the master.
func (s *testMaster) add(cfg *config.Plug) *plug {
	s.t.Helper()
	cfg.Name = cfg.Label()
	p := s.addPlug(cfg)
	err := p.openListeners()
	if err == nil {
		err = p.prepare()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *testMaster) close() {
	for _, a := range s.workers {
		if !a.dead {
			unix.Kill(a.pid, unix.SIGKILL)
			unix.Wait4(a.pid, nil, 0, nil) // it may be reaped already
		}
		unix.Close(a.lifeline)
	}
	for _, c := range s.roster {
		if c.lifeline >= 0 {
			unix.Close(c.lifeline)
		}
	}
	if s.pidfile.file != nil {
		s.pidfile.file.Close()
	}
	s.watcher.Close()
	for p := range s.all() {
		for _, l := range p.listeners {
			unix.Close(l.fd)
		}
		p.sessionFile.close() // its writer looks at the board
		for g := range p.generations() {
			g.close()
		}
	}
}

// newPoolMaster returns a master in pool mode that is starting this many workers, each
// with this capacity.
func newPoolMaster(t *testing.T, workers, capacity int) *testMaster {
	t.Helper()
	s := newTestMaster(t, func(c *settings) {
		c.Mode, c.Workers, c.SparesMin, c.SparesMax, c.MaxWorkers = config.Pool, workers, 0, 0, 8
	})
	s.plug.generation.close()
	var err error
	if s.plug.generation, err = newGeneration(1, s.cfg, s.plug.cfg, 8, capacity, 1); err != nil {
		t.Fatal(err)
	}
	s.plug.generation.plug = s.plug
	s.populate()
	return s
}

// serving returns a master whose plug serves, and its spares.
func serving(t *testing.T, set func(*settings)) (*testMaster, []*testWorker) {
	t.Helper()
	s := newTestMaster(t, set)
	s.populate()
	all := s.startSpares(s.plug.cfg.SparesMin)
	s.afterEvent()
	if s.phase != running {
		t.Fatalf("phase %d with %d workers ready", s.phase, len(all))
	}
	return s, all
}

// afterEvent does what the loop does after each event.
func (s *testMaster) afterEvent() {
	s.populate()
	if s.firstReady(time.Now()) {
		s.serve()
	}
	s.tellReady()
	s.reap()
	s.checkCounts()
}

// runAsides runs the calls that goroutines make for the loop, until no aside is in
// progress.
func (s *testMaster) runAsides() {
	s.t.Helper()
	for len(s.asides) > 0 {
		select {
		case call := <-s.calls:
			call()
		case <-time.After(patience):
			s.t.Fatalf("%v did not finish", s.asides)
		}
	}
}

// reopenNow is reopen as requested by an admin, with its result.
func (s *testMaster) reopenNow() (err error) {
	s.t.Helper()
	s.plug.reopen(true, func(e error) { err = e })
	s.runAsides()
	return err
}

// checkCounts fails if the counts differ from the roster.
func (s *testMaster) checkCounts() {
	s.t.Helper()
	all := 0
	for p := range s.all() {
		var count [lifeStates]int
		for _, c := range p.roster {
			count[c.state]++
		}
		if count != p.count {
			s.t.Errorf("counts %v, the roster has %v", p.count, count)
		}
		for g := range p.generations() {
			of := len(slices.DeleteFunc(slices.Clone(p.roster), func(c *child) bool { return c.generation != g }))
			if free := len(g.free); free+of != len(g.slots) {
				s.t.Errorf("generation %d: %d slots, %d free, %d workers", g.number, len(g.slots), free, of)
			}
		}
		all += len(p.roster)
	}
	if len(s.roster) != len(s.children) || all != len(s.roster) {
		s.t.Errorf("%d on the roster, %d children, %d of plugs", len(s.roster), len(s.children), all)
	}
}

// sessionLines returns the lines of the first plug's session file, when there are
// n.
func (s *testMaster) sessionLines(n int) []string {
	s.t.Helper()
	return s.linesOf(s.plug, n)
}

// linesOf returns the lines of a plug's session file, when there are n.
func (s *testMaster) linesOf(p *plug, n int) []string {
	s.t.Helper()
	if !p.sessionFile.sink.Flush(patience) {
		s.t.Fatal("lines are not written")
	}
	text, err := os.ReadFile(p.cfg.SessionLog)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(text) == 0 {
		lines = nil
	}
	if len(lines) != n {
		s.t.Errorf("%d session lines, want %d: %q", len(lines), n, lines)
	}
	return lines
}

// pidfileAnswered handles the answer of the pidfile's writer.
func (s *testMaster) pidfileAnswered() {
	s.t.Helper()
	select {
	case r := <-s.pidfile.results:
		s.pidfileWritten(r)
	case <-time.After(patience):
		s.t.Fatal("no list is on its way to the pidfile")
	}
}

// boundTo returns the address that a socket listens on.
func boundTo(t testing.TB, fd int) netip.AddrPort {
	t.Helper()
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(at.Addr), uint16(at.Port))
	}
	t.Fatalf("bound to %T", at)
	return netip.AddrPort{}
}
