package supervisor

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/supervisor/config"
	"plugdaemon/worker/board"
	"plugdaemon/worker/report"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// until waits for a condition that must come true.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// said is what a log has taken.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) add(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, text, ok := strings.Cut(string(p), "]: ")
	if !ok {
		text = string(p)
	}
	s.lines = append(s.lines, text)
}

func (s *said) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// has tells whether a line holds the text.
func (s *said) has(text string) bool {
	for _, line := range s.all() {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// starter is a Starter that notes what it is told.
type starter struct {
	ready int
	told  []string
	gone  chan struct{}
}

func (s *starter) Ready() error          { s.ready++; return nil }
func (s *starter) Gone() <-chan struct{} { return s.gone }
func (s *starter) Role() string          { return "service" }
func (s *starter) FD() int               { return -1 }
func (s *starter) Become(string, int)    {}
func (s *starter) Tell(word, _ string)   { s.told = append(s.told, word) }
func (s *starter) Alive() time.Duration  { return 0 }

// stage is a master made by hand, with real descriptors, whose nursery is the
// test: it consumes the orders, and lets children be born that only sleep.
type stage struct {
	*master
	t       *testing.T
	said    *said
	starter *starter
	hands   map[uint64]*actor // by the child's id
	path    string            // of the session file
}

// actor is a child of the stage: a real process, whose lifeline the test holds.
type actor struct {
	*child
	pid      int
	lifeline int
	dead     bool
}

// newStage makes a master that has not begun yet.
func newStage(t *testing.T, set func(*config.Config)) *stage {
	t.Helper()
	dir := t.TempDir()
	cfg := &config.Config{Mode: config.Prefork, SparesMin: 2, SparesMax: 4, MaxWorkers: 6, MaxUses: 10000,
		Source:         config.Source{Addr: netip.MustParseAddr("127.0.0.1"), Named: true},
		Targets:        []config.Target{{Addr: netip.MustParseAddrPort("127.0.0.1:9"), Port: 9}},
		ConnectTimeout: time.Second, StickyTimeout: time.Hour, SessionLog: filepath.Join(dir, "sessions"), Log: true}
	if set != nil {
		set(cfg)
	}
	s := &stage{t: t, said: new(said), starter: &starter{gone: make(chan struct{})}, hands: map[uint64]*actor{}, path: cfg.SessionLog}
	m := &master{cfg: cfg, starter: s.starter, pid: os.Getpid(), tag: cfg.Source.Tag(), lives: &lives,
		successor: new(successor), calls: make(chan func()), over: make(chan struct{}),
		children: map[uint64]*child{}, ticks: ticks{shown: -1}, null: -1, deadline: time.Now().Add(startPatience)}
	s.master = m
	m.stderr = newSink(0, func([]byte) {})
	m.syslog = &syslogSink{sink: newSink(0, s.said.add), fd: -1, tag: m.tag, pid: m.pid}
	m.log = newLogger(false, 0, false, m.stderr, m.syslog)
	fd, err := bind(cfg.Source, 100, false)
	if err != nil {
		t.Fatal(err)
	}
	m.listeners = []int{fd}
	if err := m.sessionFile.open(cfg.SessionLog, m.sessionFailed); err != nil {
		t.Fatal(err)
	}
	if m.watcher, err = newWatcher(); err != nil {
		t.Fatal(err)
	}
	if m.generation, err = newGeneration(1, cfg, cfg.MaxWorkers, max(1, cfg.Sessions()), 1); err != nil {
		t.Fatal(err)
	}
	if err := m.watcher.generation(m.generation); err != nil {
		t.Fatal(err)
	}
	if err := m.pidfile.claim(cfg.Pidfile, m.pid); err != nil {
		t.Fatal(err)
	}
	m.nursery.orders = make(chan order, 1<<13)
	m.nursery.births = make(chan birth, 64)
	m.setZone(time.Now())
	t.Cleanup(s.close)
	return s
}

func (s *stage) close() {
	for _, a := range s.hands {
		if !a.dead {
			unix.Kill(a.pid, unix.SIGKILL)
			unix.Wait4(a.pid, nil, 0, nil) // reaped already, perhaps
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
	unix.Close(s.listeners[0])
	s.watcher.file.Close()
	s.generation.close()
}

// hatch lets the next ordered child be born: a process that sleeps.
func (s *stage) hatch() *actor {
	s.t.Helper()
	select {
	case o := <-s.nursery.orders:
		a := s.sleeper(o)
		s.born(birth{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
		return a
	default:
		s.t.Fatal("no birth was ordered")
		return nil
	}
}

var pidfds sync.Map // pid → pidfd, from a birth until the master has it

func (a *actor) pidfdOf() int {
	fd, _ := pidfds.LoadAndDelete(a.pid)
	return fd.(int)
}

// sleeper starts the process of an order.
func (s *stage) sleeper(o order) *actor {
	s.t.Helper()
	pid, pidfd := start(s.t, "sleep", "60")
	pidfds.Store(pid, pidfd)
	a := &actor{child: o.child, pid: pid, lifeline: o.lifeline[1]}
	s.hands[o.child.id] = a
	return a
}

// start starts a program and returns its pidfd as well.
func start(t testing.TB, program string, args ...string) (pid, pidfd int) {
	t.Helper()
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{}}
	return startWith(t, attr, program, args...)
}

func startWith(t testing.TB, attr *syscall.ProcAttr, program string, args ...string) (pid, pidfd int) {
	t.Helper()
	wantPidfd(attr.Sys)
	path := "/bin/" + program
	pid, err := syscall.ForkExec(path, append([]string{program}, args...), attr)
	if err != nil {
		t.Fatal(err)
	}
	return pid, gotPidfd(attr.Sys, pid)
}

// ring hands a worker's doorbell to the master.
func (s *stage) ring(a *actor, kind report.Kind) {
	s.heard(report.Record{Kind: kind, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 1})
}

// spares hatches the ordered children and has them ready.
func (s *stage) spares(n int) (all []*actor) {
	s.t.Helper()
	for range n {
		a := s.hatch()
		s.ring(a, report.Ready)
		all = append(all, a)
	}
	return all
}

// serving is a stage whose plug serves, with its spares.
func serving(t *testing.T, set func(*config.Config)) (*stage, []*actor) {
	t.Helper()
	s := newStage(t, set)
	s.populate()
	all := s.spares(s.cfg.SparesMin)
	s.settled()
	if s.phase != running {
		t.Fatalf("phase %d with %d workers ready", s.phase, len(all))
	}
	return s, all
}

// settled does what the loop does behind each event.
func (s *stage) settled() {
	s.populate()
	if s.phase == opening && s.count[starting] == 0 {
		s.serve()
	}
	s.reap()
	s.recount()
}

// die kills the process and tells the master.
func (s *stage) die(a *actor, signal unix.Signal) {
	s.t.Helper()
	unix.Kill(a.pid, signal)
	until(s.t, "the worker is dead", func() bool { return s.watcher.status(a.pidfd).known })
	a.dead = true
	s.saw(sighting{dead: []uint64{a.id}})
}

// orders are the bytes on the worker's lifeline since the last look.
func (a *actor) orders() string {
	p := make([]byte, 100)
	n, _, _, _, err := unix.Recvmsg(a.lifeline, p, nil, unix.MSG_DONTWAIT)
	if err != nil {
		return ""
	}
	return string(p[:n])
}

// carry puts a live session on a worker's row.
func (s *stage) carry(a *actor, client string) *board.Row {
	b := s.generation.board
	b.Column(a.slot).PID.Store(uint32(a.pid))
	b.Column(a.slot).Rows.Store(max(1, b.Column(a.slot).Rows.Load()))
	row := b.Row(a.slot, 0)
	row.Client = board.MakeAddr(netip.MustParseAddrPort(client))
	row.BeginAt = s.mono()
	row.Hold()
	row.Choose(0)
	b.Column(a.slot).Live.Store(1)
	return row
}

// recount fails if the counts are not those of the roster.
func (s *stage) recount() {
	s.t.Helper()
	var count [lifeStates]int
	for _, c := range s.roster {
		count[c.state]++
	}
	if count != s.count {
		s.t.Errorf("counts %v, the roster has %v", s.count, count)
	}
	if len(s.roster) != len(s.children) {
		s.t.Errorf("%d on the roster, %d children", len(s.roster), len(s.children))
	}
	if free := len(s.generation.free); free+len(s.roster) != len(s.generation.slots) {
		s.t.Errorf("%d slots, %d free, %d workers", len(s.generation.slots), free, len(s.roster))
	}
}

// sessionLines are the lines of the session file, when there are n.
func (s *stage) sessionLines(n int) []string {
	s.t.Helper()
	if !s.sessionFile.sink.flush(patience) {
		s.t.Fatal("lines are not written")
	}
	text, err := os.ReadFile(s.path)
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

// client connects to the plug and stays in the queue.
func (s *stage) client() net.Conn {
	s.t.Helper()
	at, err := unix.Getsockname(s.listeners[0])
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	until(s.t, "the client is in the queue", func() bool { return queued(s.listeners[0]) > 0 })
	return c
}
