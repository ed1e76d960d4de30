// The master: its fields, and its life from the command line to the end.
// Run opens what is needed, waits for the first workers, and runs the loop.

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
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
	since   time.Time // when this process became the master
	title   *title.Title
	logs

	cfg      *config.Process
	plugs    []*plug        // that it serves
	absent   []*config.Plug // optional plugs that could not start
	others   []*plug        // that are being prepared, or were removed and still have workers
	reloads  reloads
	totals   counters.Process
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
	last        lastNumbers
	left        int // workers that the limit of all plugs leaves, see supply.go

	ticks    ticks
	tickC    <-chan time.Time // ticks, where the watcher has none
	memory   host.MemoryWatch
	failed   []func() error // tried again each second
	shepherd int            // PID of the shepherd, with -n: while a new master's parent is the old one, it cannot find that out itself

	calls  chan func() // from goroutines that need the loop's state
	over   chan struct{}
	late   chan os.Signal      // signals received after the loop ended
	asides map[asideKey]*aside // calls that goroutines make for the loop

	null int // /dev/null, for workers
}

// lastNumbers are those given out last. None is used twice while a service runs.
type lastNumbers struct {
	child      uint64
	plug       uint32
	generation uint32 // unique among all plugs, so a doorbell names a plug, too
}

// startup is what a master has to do before it serves.
type startup struct {
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
	failure   error     // why a plug cannot continue
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

// newMaster makes a master that has no plug yet; it opens nothing.
func newMaster(cfg *config.Process, starter Starter) *master {
	return &master{starter: starter, pid: os.Getpid(), cfg: cfg, reloads: reloads{process: cfg}, transitions: &transitions, children: map[uint64]*child{},
		logs: logs{level: cfg.Debug}, spawner: newSpawner(), upgrades: upgrades{launcher: new(handover.Launcher)},
		ticks: ticks{shown: -1, told: -1}, null: -1, calls: make(chan func()), over: make(chan struct{})}
}

// Run is the master's whole life. The error says why it could not start.
func Run(cfg *config.Config, starter Starter, t *title.Title, version string) (status int, err error) {
	defer signal.Ignore(syscall.SIGTTOU) // the error may go to a terminal that stops background processes (termios(3), TOSTOP)
	signal.Ignore(syscall.SIGPIPE)       // EPIPE on stdout or stderr would kill a Go program
	m := newMaster(&cfg.Process, starter)
	for _, plug := range cfg.Plugs {
		m.addPlug(plug)
	}
	if cfg.Files != nil {
		m.reloads.load = reread(cfg.Files)
	}
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
	for p := range m.all() {
		if lost := p.sessionFile.close(); lost > 0 {
			p.log.Error("session lines lost", "session-log", p.sessionFile.path, "lines", lost)
		}
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

// open opens what the plugs need, in an order in which a failure is cheap to undo.
func (m *master) open() (err error) {
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
	if err = m.pidfile.claim(m.cfg.Pidfile, m.pid); err != nil {
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
	for _, p := range m.plugs {
		if err := p.openListeners(); err != nil && !m.leaveOut(p, err) {
			return err
		}
	}
	return m.prepare()
}

// prepare makes everything that workers need, except the listeners.
func (m *master) prepare() (err error) {
	if m.watcher, err = watch.New(); err != nil {
		return err
	}
	for _, p := range m.plugs {
		if err = p.prepare(); err != nil && !m.leaveOut(p, err) {
			return err
		}
	}
	m.setZone(time.Now())
	m.memory.Find()
	if m.tickC, err = m.watcher.Ticker(tickEvery); err != nil {
		return err
	}
	m.watcher.Start()
	m.spawner.run(spawn)
	return nil
}

// abandon undoes what open did before it failed.
func (m *master) abandon() {
	m.removePidfile()
	m.removeControl()
	for _, p := range m.plugs {
		for _, l := range p.listeners {
			unix.Close(l.fd)
		}
	}
	m.flush(time.Second)
}

// serve opens the plugs to clients; their first workers are ready.
func (m *master) serve() {
	for _, p := range m.plugs {
		if p.cfg.Log {
			m.syslog.Text(record.Notice, m.pid, record.AppendStarted(nil, p.tag))
		}
	}
	if slices.ContainsFunc(m.plugs, func(p *plug) bool { return p.cfg.Log }) {
		m.syslog.Sink.Flush(startedFirst)
	}
	m.phase = running
	for _, p := range m.plugs {
		p.generation.board.State.Gate.Store(board.GateOpen)
		p.tellGate()
	}
	m.checkSyslog()
	m.since = time.Now()
	m.totals.Started = m.since.UnixNano()
	m.serveControl()
	for _, p := range m.plugs {
		m.announce("serving", "source", p.name(), "targets", p.targetNames(), "mode", string(p.cfg.Mode), "version", m.version)
	}
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
