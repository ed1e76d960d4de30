package supervisor

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/worker/board"
)

// upgrade is the old master's side of a handover (USR2). Its conversation runs
// in a goroutine; what it wants of the master's state it asks the loop for.
//
// Until the commit any failure leaves this master as it was.
type upgrade struct {
	m       *master
	wire    wire
	started chan error // the new process is ready, or why not
	begun   time.Time
	frozen  time.Time
	next    int // PID of the new master, once it has taken over

	committing bool        // the new master is told to take over (loop)
	kept       []os.Signal // that came since: they are for whoever is the master then (loop)

	build string // its version
	knows bool   // it knows the control socket

	over chan struct{} // closed when err is known
	err  error         // why it failed
}

// errCalledOff ends an upgrade of a master that was told to stop.
var errCalledOff = errors.New("stopped during the upgrade")

// do has something done by the loop, unless the master has been told to stop.
func (u *upgrade) do(call func()) error {
	err := errCalledOff
	u.m.do(func() {
		if u.m.upgrading == u {
			err = nil
			call()
		}
	})
	return err
}

// end notes the result; who waits for it reads it.
func (u *upgrade) end(err error) {
	select {
	case <-u.over:
	default:
		u.err = err
		close(u.over)
	}
}

// readyWithin is how long a new master may take until it is ready.
const readyWithin = 10 * time.Second

// upgradeNow starts the program that lies at this one's path now. What comes of
// it is known when the upgrade is over.
func (m *master) upgradeNow() (*upgrade, error) {
	var refused error
	switch {
	case m.phase != running:
		refused = errors.New("the plug is not serving")
	case m.upgrading != nil:
		refused = errors.New("another one is under way")
	}
	if refused != nil {
		m.log.Warn("upgrade refused", "reason", refused)
		return nil, fmt.Errorf("upgrade refused: %w", refused)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		err = fmt.Errorf("handover socket: %s", shortage(err))
		m.upgradeFailed(err)
		return nil, err
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	u := &upgrade{m: m, wire: wire{pair[0]}, started: make(chan error, 1), begun: time.Now(), over: make(chan struct{})}
	m.upgrading = u
	m.log.Info("upgrade begun", "program", os.Args[0])
	m.starter.Tell("upgrading", "")
	go func() {
		err := m.successor.start(pair[1])
		unix.Close(pair[1])
		u.started <- err
		if err != nil {
			unix.Shutdown(pair[0], unix.SHUT_RDWR) // nobody will answer
		}
	}()
	go func() {
		err := u.converse()
		m.do(func() { m.upgradeEnded(u, err) })
	}()
	return u, nil
}

// converse leads the handover up to the commit; nil is its success.
func (u *upgrade) converse() (err error) {
	child := 0
	defer func() {
		if err != nil {
			u.wire.abort(err.Error())
			if early := u.cause(err); early != nil {
				err = early
			} else {
				u.endChild(child)
			}
		}
		u.wire.close()
	}()
	hello, err := u.greet()
	if err != nil {
		return err
	}
	child = hello.PID
	var o offer
	var fds []int
	u.build, u.knows = hello.Version, hello.Protocol >= controlProtocol
	err = u.do(func() {
		o, fds = u.m.makeOffer()
		fds = u.m.offerControl(&o, fds, hello)
	})
	if err != nil {
		return err
	}
	if err = u.wire.send(&message{Kind: wireOffer, Offer: &o}, fds...); err != nil {
		return err
	}
	if _, _, err = u.wire.expect(wireFreeze, readyWithin); err != nil {
		return err
	}
	if err = u.bequeath(); err != nil {
		return err
	}
	if _, _, err = u.wire.expect(wireVerified, answerWithin); err != nil {
		return err
	}
	select { // Ready() is only a byte, and this its sign
	case err = <-u.started:
		if err != nil {
			return err
		}
	case <-time.After(answerWithin):
		return errors.New("verified, but not ready")
	}
	if err = u.do(func() { u.committing = true }); err != nil {
		return err
	}
	if err = u.wire.send(&message{Kind: wireCommit}); err != nil {
		return err
	}
	// One that does not answer is ended, and this one goes on: two masters would
	// be worse.
	_, _, err = u.wire.expect(wireCommitted, answerWithin)
	u.next = hello.PID
	return err
}

// greet waits for the new process's hello, or for its end.
func (u *upgrade) greet() (*message, error) {
	type answer struct {
		m   *message
		err error
	}
	got := make(chan answer, 1)
	go func() {
		m, err := u.wire.greet(u.m.version, readyWithin)
		got <- answer{m, err}
	}()
	select {
	case a := <-got:
		return a.m, a.err
	case err := <-u.started:
		u.started <- err
		if err != nil {
			return nil, err
		}
		select {
		case a := <-got:
			return a.m, a.err
		case <-time.After(answerWithin):
			return nil, errors.New("the new process was ready without a handover")
		}
	}
}

// cause is why the new process ended, if that is what broke the conversation:
// it says more than a closed socket.
func (u *upgrade) cause(err error) error {
	if !errors.Is(err, errWireEnd) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	select {
	case early := <-u.started:
		return early
	case <-time.After(answerWithin):
		return nil
	}
}

// endChild ends a new master that goes on although the handover has failed, so
// that the next one can be tried at once. What it says its PID is must be a
// child of this process, and no worker; one that has said nothing is looked for.
func (u *upgrade) endChild(pid int) {
	worker := false
	u.m.do(func() {
		for _, c := range u.m.roster {
			worker = worker || c.pid == pid
		}
	})
	if pid <= 1 || worker || parentOf(pid) != os.Getpid() {
		pid = strangeChild()
	}
	switch {
	case pid != 0:
		unix.Kill(pid, unix.SIGKILL)
	case len(u.started) == 0:
		u.m.successor.giveUp()
	}
	select {
	case err := <-u.started:
		u.started <- err
	case <-time.After(answerWithin):
	}
}

// ready is how many workers a new master should begin with: what are free here,
// and as many as were busy at the most. Spares above the most that are kept
// don't count, or they would add up from upgrade to upgrade.
func (m *master) ready() int {
	free := m.count[spare]
	if !m.pool() {
		free = min(free, m.cfg.SparesMax)
	}
	return free + m.ticks.peak
}

// makeOffer is what a new master needs while this one serves on (loop).
func (m *master) makeOffer() (offer, []int) {
	o := offer{Role: m.starter.Role(), Generation: m.generation.number, LastID: m.lastID,
		Workers:  m.ready(),
		Affinity: m.generation.board.AffinityKey[:]}
	fds := []int{}
	if fd := m.starter.FD(); fd >= 0 {
		fds = append(fds, fd)
	} else {
		fds = append(fds, m.null)
	}
	for _, l := range m.listeners {
		o.Listeners = append(o.Listeners, m.cfg.Source.Label())
		fds = append(fds, l)
	}
	return o, fds
}

// bequeath freezes this master and sends all that it has.
func (u *upgrade) bequeath() error {
	var end endRecord
	var generations []*generation
	var children []*child
	pidfd := -1
	err := u.do(func() {
		u.frozen = time.Now()
		u.m.freeze()
		for g := range u.m.generations() {
			generations = append(generations, g)
		}
		for _, c := range u.m.roster {
			if c.pid != 0 && c.state != gone {
				children = append(children, c)
			}
		}
		end = endRecord{Generations: len(generations), Children: len(children), Paused: u.m.paused, Totals: u.m.legacy(),
			Lines: u.m.sessionFile.pending(), Frozen: u.frozen}
		if u.m.leveled {
			end.LogLevel = &u.m.cfg.Debug
		}
		if f := u.m.pidfile.file; f != nil {
			end.Pidfile, pidfd = true, f.FD()
		}
	})
	if err != nil {
		return err
	}
	for _, g := range generations {
		m := message{Kind: wireGeneration, Generation: &generationRecord{Number: g.number, Build: g.build}}
		if err := u.wire.send(&m, g.assignment, g.state, g.report); err != nil {
			return err
		}
	}
	for len(children) > 0 {
		n := min(batchOf, len(children))
		m := message{Kind: wireChildren}
		var fds []int
		for _, c := range children[:n] {
			r := c.record()
			end.Sum += r.sum()
			m.Children = append(m.Children, r)
			if fds = append(fds, c.lifeline); havePidfds {
				fds = append(fds, c.pidfd)
			}
		}
		if err := u.wire.send(&m, fds...); err != nil {
			return err
		}
		if _, _, err := u.wire.expect(wireTaken, answerWithin); err != nil {
			return err
		}
		children = children[n:]
	}
	m := message{Kind: wireEnd, End: &end}
	if pidfd >= 0 {
		return u.wire.send(&m, pidfd)
	}
	return u.wire.send(&m)
}

// upgradeEnded takes the result (loop).
func (m *master) upgradeEnded(u *upgrade, err error) {
	if m.upgrading != u {
		return // stopped meanwhile
	}
	m.upgrading = nil
	if err != nil {
		m.thaw()
		m.upgradeFailed(err)
		u.end(fmt.Errorf("upgrade failed, nothing has changed: %w", err))
		for _, s := range u.kept {
			m.signal(s)
		}
		return
	}
	m.leftover = u.kept
	m.log.Info("upgrade done: the new master serves", "after", time.Since(u.begun).Round(time.Millisecond))
	m.phase, m.replacedBy = stopping, u.next
	m.leaveControl(u.knows)
	u.end(nil)
}

func (m *master) upgradeFailed(err error) {
	m.totals.Upgrades.Failed++
	m.log.Error("upgrade failed, nothing has changed", "program", os.Args[0], "reason", reason(err))
	m.starter.Tell("failed", "")
}

// freeze brings the roster to a stop: no birth, no death, no doorbell is taken
// from here on, and the pidfile is as the roster is.
func (m *master) freeze() {
	m.frozen = true
	m.nursery.held.Store(true)
	for m.unborn() > 0 {
		m.born(<-m.nursery.births)
	}
	for held := m.watcher.hold(); held != nil; {
		select {
		case s := <-m.watcher.seen:
			m.saw(s)
		case <-held:
			held = nil
		}
	}
	for m.pidfile.writing || m.pidfile.dirty && m.pidfile.file != nil && !m.pidfile.broken {
		if m.pidfile.writing {
			m.pidfileWritten(<-m.pidfile.results)
		}
		m.writePidfile(time.Now().Add(coalesce))
	}
	m.reap()
}

// unborn is how many workers were ordered and have no PID yet.
func (m *master) unborn() (n int) {
	for _, c := range m.roster {
		if c.pid == 0 {
			n++
		}
	}
	return n
}

// thaw goes on as before.
func (m *master) thaw() {
	if !m.frozen {
		return
	}
	m.frozen = false
	m.nursery.held.Store(false)
	m.watcher.resume()
	m.pidfile.dirty = m.pidfile.file != nil // the new master may have written its own list
	if gate := &m.generation.board.Gate; gate.Load() == board.GateDraining {
		gate.Store(m.gate()) // the new master had closed it before it ended
		m.tellGate()
	}
}
