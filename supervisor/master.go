// The master of a plug: its fields, and its life from the command line to the end.
// Run opens what is needed, waits for the first workers, and runs the loop.

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/sink"
	"daemon/plug/supervisor/watch"
	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
	"daemon/plug/worker/title"
)

// phase is the stage of the master's own life.
type phase uint8

const (
	opening  phase = iota // first workers are on their way; next: running, adopting, stopping
	adopting              // a new master waits for the old one's roster and its commit; next: running, stopping
	running               // next: stopping
	stopping              // the port is free or about to be; next: none
)

// master owns everything that its loop touches.
type master struct {
	starter Starter
	pid     int
	version string
	since   time.Time // when this process became the plug's master
	log     hclog.InterceptLogger
	stderr  *sink.Sink
	syslog  *sink.Syslog
	title   *title.Title

	plug     *plug
	pidfile  pidlist
	control  controls
	watcher  *watch.Watcher
	spawner  spawner
	phase    phase
	startup  startup
	shutdown shutdown
	upgrades upgrades

	transitions *[lifeStates][lifeEvents]transition // a constant, except in tests
	roster      []*child                            // in the order of start
	children    map[uint64]*child
	dead        []*child // buried, not yet reaped
	lastID      uint64
	number      uint32 // of the generation to make

	ticks    ticks
	tickC    <-chan time.Time // ticks, where the watcher has none
	memory   host.MemoryWatch
	failed   []func() error // tried again each second
	shepherd int            // PID of the shepherd, with -n: while a new master's parent is the old one, it cannot find that out itself

	calls  chan func() // from goroutines that need the loop's state
	over   chan struct{}
	late   chan os.Signal    // signals received after the loop ended
	asides map[string]*aside // calls that goroutines make for the loop

	null      int    // /dev/null, for workers
	stderrOut outlet // stderr, for workers
}

// startup is what a master has to do before it serves.
type startup struct {
	workers int    // number of workers that must be ready first
	unready bool   // the starter has not been told yet that the plug serves
	readyAt uint64 // the pidfile's version to wait for
	err     error  // why the plug never served
}

// shutdown is the state of a master that is ending.
type shutdown struct {
	ending    bool      // an admin's INT ends the sessions
	overdue   bool      // or the end of QUIT's time limit
	draining  bool      // QUIT: the master waits for all sessions
	kills     int       // rounds of KILL after an INT that was not obeyed
	deadline  time.Time // of stopping; zero is no limit
	buryUntil time.Time // after TERM: the latest end
	failure   error     // why the plug cannot continue
}

// upgrades is what a master knows about the one before it and the one after it.
type upgrades struct {
	launcher       *handover.Launcher
	takeover       *takeover   // from an old master to this one
	current        *upgrade    // in progress, from this master to a new one
	frozen         bool        // the roster is being handed over
	pendingSignals []os.Signal // to be passed on to the new master
	replacedBy     int         // PID of the new master; this one only has to exit
}

// Starter is the process that started this master. It waits until the plug serves,
// or for the reason why it does not.
type Starter interface {
	Role() string               // of the starter socket's other side
	FD() int                    // the starter socket; -1 if there is none any more
	Become(role string, fd int) // used by a new master, which takes the old one's place
	Tell(word, text string)     // reports something about this master
	Alive() time.Duration       // how often to report that the loop runs; 0 is never
	Ready() error               // the plug serves
	Gone() <-chan struct{}      // closed when the starter has ended; nil if that does not matter
	EndsAll() bool              // the starter is PID 1: when it ends, all processes end
}

// startPatience is how long the first worker may take.
const startPatience = 10 * time.Second

// newMaster makes a master of one plug; it opens nothing.
func newMaster(cfg *config.Config, starter Starter) *master {
	return &master{starter: starter, pid: os.Getpid(), plug: newPlug(cfg), transitions: &transitions, children: map[uint64]*child{},
		upgrades: upgrades{launcher: new(handover.Launcher)}, ticks: ticks{shown: -1, told: -1}, null: -1,
		calls: make(chan func()), over: make(chan struct{})}
}

// Run is the master's whole life. The error says why it could not start.
func Run(cfg *config.Config, starter Starter, t *title.Title, version string) (status int, err error) {
	defer signal.Ignore(syscall.SIGTTOU) // the error may go to a terminal that stops background processes (termios(3), TOSTOP)
	signal.Ignore(syscall.SIGPIPE)       // EPIPE on stdout or stderr would kill a Go program
	m := newMaster(cfg, starter)
	m.title, m.version = t, version
	if cfg.Foreground {
		m.shepherd = os.Getppid()
	}
	m.upgrades.launcher = handover.NewLauncher(starter.Role() == handover.RoleSuccessor)
	host.PrepareThreads()
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, handled...)
	if err := m.open(); err != nil {
		if m.upgrades.takeover != nil {
			m.upgrades.takeover.wire.Abort(host.Reason(err))
		} else if starter.Role() == handover.RoleSuccessor {
			m.upgrades.launcher.Refuse(host.Reason(err))
		}
		m.abandon()
		return 4, errors.New(host.Reason(err))
	}
	m.loop(signals)
	if m.startup.err != nil {
		return 4, m.startup.err
	}
	controlClosed := make(chan struct{}) // they are closed while the other waits continue
	go func() {
		defer close(controlClosed)
		m.closeControl()
	}()
	if m.upgrades.replacedBy != 0 {
		<-controlClosed
		m.flush(flushReplaced)
		m.passOn(drained(m.late))
		return 0, nil // session lines that could not be written went to the new master
	}
	if lost := m.plug.sessionFile.close(); lost > 0 {
		m.log.Error("session lines lost", "session-log", m.plug.sessionFile.path, "lines", lost)
	}
	<-controlClosed
	if m.shutdown.failure == nil {
		m.log.Info("stopped", "sessions", m.sessions()) // these sessions continue
	}
	m.flush(flushLast)
	if m.shutdown.failure != nil {
		status = 4
	}
	m.starter.Tell("ended", strconv.Itoa(status)) // a former master that still exists may reap this one
	return status, m.shutdown.failure
}

// open opens what the plug needs, in an order in which a failure is cheap to undo.
func (m *master) open() (err error) {
	cfg := m.plug.cfg
	if m.null, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("/dev/null: %s", host.Reason(err))
	}
	if err = m.openLogs(); err != nil {
		return err
	}
	if m.starter.Role() == handover.RoleSuccessor {
		if err = m.takeOver(); err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
		return m.prepare()
	}
	if err = m.pidfile.claim(cfg.Pidfile, m.pid); err != nil {
		return err
	}
	if m.pidfile.file != nil {
		if in, why := m.pidfile.file.InPlace(); in {
			m.log.Warn("pidfile is rewritten in place", "reason", why)
		}
	}
	if err = m.claimControl(); err != nil {
		return err
	}
	fd, err := m.openListener()
	if err != nil {
		return err
	}
	m.plug.listeners, m.number = []int{fd}, 1
	return m.prepare()
}

// prepare makes everything that workers need, except the listeners.
func (m *master) prepare() (err error) {
	cfg := m.plug.cfg
	if err = m.openSessionFile(); err != nil {
		return err
	}
	if m.watcher, err = watch.New(); err != nil {
		return err
	}
	workers, capacity := m.shape()
	if m.plug.generation, err = newGeneration(m.number, cfg, workers, capacity, len(m.plug.listeners)); err != nil {
		return err
	}
	m.plug.generation.build = m.version
	m.plug.zones = zonesOf(m.plug.generation.board, cfg)
	if m.plug.sessionFile.out.socket {
		m.plug.generation.board.Assignment.Options |= board.OptSessionSocket
	}
	if m.stderrOut.socket {
		m.plug.generation.board.Assignment.Options |= board.OptLogSocket
	}
	if m.plug.affinity != [2]uint64{} { // the entries of older generations must stay valid
		m.plug.generation.board.Assignment.AffinityKey = m.plug.affinity
	}
	if err = m.watcher.Pipe(m.plug.generation.number, m.plug.generation.report); err != nil {
		return fmt.Errorf("cannot watch the report pipe: %w", err)
	}
	m.setZone(time.Now())
	m.memory.Find()
	if m.tickC, err = m.watcher.Ticker(tickEvery); err != nil {
		return err
	}
	m.watcher.Start()
	m.spawner.start(m.spawn)
	return nil
}

// shape returns how many worker slots the board needs, and how many rows for each.
func (m *master) shape() (workers, capacity int) {
	if m.plug.cfg.Mode != config.Pool {
		return m.plug.settled.maxWorkers, 1
	}
	return 2*m.plug.settled.workers + 2, host.PoolCapacity() // room for workers that replace draining ones
}

// sessionFailed is called by the session file's writer, in its goroutine. The loop
// logs the error, because the generation may change.
func (m *master) sessionFailed(err error) {
	say := func() {
		if m.plug.generation.board.ShouldLog(board.LogSession, uint64(m.mono()/int64(time.Millisecond))) {
			if err == unix.EAGAIN {
				err = errors.New("it is full and no process is reading it")
			}
			m.log.Error("session file "+m.plug.sessionFile.path, "error", err)
		}
	}
	if !m.do(say) {
		say() // the loop has ended: the generation no longer changes
	}
}

// abandon undoes what open did before it failed.
func (m *master) abandon() {
	m.removePidfile()
	m.removeControl()
	for _, fd := range m.plug.listeners {
		unix.Close(fd)
	}
	m.flush(time.Second)
}

// serve opens the plug to clients; its first workers are ready.
func (m *master) serve() {
	if m.plug.cfg.Log {
		m.syslog.Text(record.Notice, m.pid, record.AppendStarted(nil, m.plug.tag))
		m.syslog.Sink.Flush(startedFirst)
	}
	m.phase = running
	m.plug.generation.board.State.Gate.Store(board.GateOpen)
	m.tellGate()
	m.checkSyslog()
	m.since = time.Now()
	m.plug.totals.Started = m.since.UnixNano()
	m.serveControl()
	m.announce("serving", "source", m.plug.cfg.Source.Label(), "targets", m.targetNames(), "mode", string(m.plug.cfg.Mode), "version", m.version)
	if err := m.upgrades.launcher.Ready(); err != nil {
		m.log.Error("upgrades are not possible", "error", err)
	}
	m.startup.readyAt, m.startup.unready = m.pidfile.next(), true
	m.pidfile.last = time.Time{}
}

// tellReady tells the starter that the plug serves, once the pidfile lists the
// current workers: a script that waited for the start reads it next.
func (m *master) tellReady() {
	p := &m.pidfile
	if !m.startup.unready || m.phase != running || p.written < m.startup.readyAt && !p.broken {
		return
	}
	m.startup.unready = false
	if err := m.starter.Ready(); err != nil {
		m.log.Debug("starter", "error", err)
	}
}

// mostNamed is how many targets a log line names.
const mostNamed = 4

func (m *master) targetNames() string {
	names := m.plug.generation.targets()
	if n := len(names) - mostNamed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], " "), n)
	}
	return strings.Join(names, " ")
}
