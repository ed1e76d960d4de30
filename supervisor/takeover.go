// The new master's side of an upgrade: it asks the old master for its state,
// verifies it, and serves in its place once the old one has committed.

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/pidfile"
	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/board"
)

// takeover is the new master's side of a handover. Until the commit the old master
// serves. This one has workers that wait for their gate to open; if anything
// fails, it exits, and they exit with it.
type takeover struct {
	m    *master
	wire handover.Wire
	old  int // its PID

	build string // its version
}

// takeOver prepares this master according to the old one's offer.
func (m *master) takeOver() error {
	w, err := m.upgrades.launcher.Handover()
	if err != nil {
		return err
	}
	s := &takeover{m: m, wire: w, old: os.Getppid()}
	m.upgrades.takeover = s
	hello, err := w.Greet(m.version, handover.ReadyWithin)
	if err != nil {
		return err
	}
	s.old, s.build = hello.PID, hello.Version
	answer, fds, err := w.Expect(handover.KindOffer, handover.ReadyWithin)
	if err != nil {
		return err
	}
	o := answer.Offer
	sockets := 1 // the starter's socket
	if o != nil && o.Control != nil {
		sockets++
	}
	if o == nil || len(o.Listeners) != len(fds)-sockets || len(o.Affinity) != 2 {
		handover.CloseAll(fds)
		return fmt.Errorf("an invalid offer with %d descriptors", len(fds))
	}
	if m.plug.cfg.Source.Inherited != "" && len(fds) > 1 {
		if _, err := m.adoptListener(fds[1]); err != nil {
			handover.CloseAll(fds)
			return err
		}
	}
	if label := m.plug.cfg.Source.Label(); len(o.Listeners) != 1 || o.Listeners[0] != label {
		handover.CloseAll(fds)
		return fmt.Errorf("the old master offered listeners %q, but the command line asks for %q", o.Listeners, label)
	}
	m.starter.Become(o.Role, fds[0])
	m.plug.listeners = fds[1 : 1+len(o.Listeners)]
	if err := m.continueControl(o.Control, fds[len(fds)-1]); err != nil {
		return err
	}
	m.lastID = o.LastID + 1<<20 // the old master starts workers until the freeze
	m.startup.workers = o.Workers
	if m.plug.cfg.Foreground && o.Shepherd != 0 {
		m.shepherd = o.Shepherd
	}
	m.number = o.Generation + 1
	m.plug.affinity = [2]uint64{o.Affinity[0], o.Affinity[1]}
	m.starter.Tell("successor", "")
	return nil
}

// take asks for the roster, waits for the commit, and takes over (goroutine).
func (s *takeover) take() {
	e, err := s.receive()
	if err == nil {
		if err = s.m.upgrades.launcher.Ready(); err == nil {
			err = s.awaitCommit()
		}
	}
	if err != nil {
		s.wire.Abort(err.Error())
		s.m.do(func() { s.m.failStart(fmt.Errorf("upgrade: %w", err)) })
		return
	}
	committed := false
	s.m.do(func() {
		if s.m.phase == adopting { // and was not told to stop meanwhile
			s.m.commit(e)
			committed = true
		}
	})
	if committed {
		s.wire.Send(&handover.Message{Kind: handover.KindCommitted})
	} else {
		s.wire.Abort("stopped during the upgrade")
	}
	s.wire.Close()
}

// receive collects the old master's state.
func (s *takeover) receive() (*received, error) {
	if err := s.wire.Send(&handover.Message{Kind: handover.KindFreeze}); err != nil {
		return nil, err
	}
	e := &received{pidfile: -1}
	for {
		m, fds, err := s.wire.Receive(handover.AnswerWithin)
		if err != nil {
			return nil, err
		}
		switch m.Kind {
		case handover.KindGeneration:
			err = e.addGeneration(m.Generation, fds)
		case handover.KindChildren:
			if err = e.addChildren(m.Children, fds); err == nil {
				err = s.wire.Send(&handover.Message{Kind: handover.KindTaken})
			}
		case handover.KindEnd:
			if len(fds) == 1 {
				e.pidfile = fds[0]
			}
			if err = e.verify(m.End); err == nil {
				return e, s.wire.Send(&handover.Message{Kind: handover.KindVerified})
			}
		default:
			handover.CloseAll(fds)
			err = fmt.Errorf("unexpected message %q", m.Kind)
		}
		if err != nil {
			return nil, err
		}
	}
}

// awaitCommit waits for the old master's commit, or for its end: it has given
// everything away, so after its end this is the only master. A closed socket is
// not enough: the process must be gone.
func (s *takeover) awaitCommit() error {
	_, fds, err := s.wire.Expect(handover.KindCommit, 0)
	handover.CloseAll(fds)
	if err == nil || !errors.Is(err, handover.ErrClosed) && !errors.Is(err, unix.ECONNRESET) {
		return err
	}
	for end := time.Now().Add(handover.AnswerWithin); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if os.Getppid() != s.old {
			return nil
		}
	}
	return err
}

// commit makes this process the master (loop).
func (m *master) commit(e *received) {
	m.plug.paused = e.end.Paused
	m.phase = running
	between := m.plug.switchTo(m.plug.generation, e.generations, m.gate())
	m.tellGate()
	for i, g := range m.plug.older {
		g.follow(m.plug.generation)
		if g.build == "" && i == len(m.plug.older)-1 {
			g.build = m.upgrades.takeover.build
		}
	}
	m.plug.totals.Add(&e.end.Totals)
	m.plug.totals.Upgrades.Done++
	if m.since = time.Now(); m.plug.totals.Started == 0 {
		m.plug.totals.Started = m.since.UnixNano()
	}
	if e.end.LogLevel != nil {
		m.useLogLevel(*e.end.LogLevel)
		m.plug.settled.logLevelSet = true
	}
	m.roster = append(e.children, m.roster...)
	m.takePidfile(e)
	for _, g := range m.plug.older {
		m.attempt("watch the report pipe", func() error {
			if !slices.Contains(m.plug.older, g) {
				return nil
			}
			return m.watcher.Pipe(g.number, g.report)
		}, "generation", g.number)
		g.board.State.Attention.Store(1) // workers whose state was unclear at the freeze are reconciled with the board
	}
	m.adopt(e.children)
	m.absorbLosses(e.end.Told)
	for _, line := range e.end.Lines {
		m.plug.sessionFile.write([]byte(line))
	}
	m.starter.Tell("master", "")
	m.serveControl()
	m.log.Info("upgraded", "version", m.version, "workers", len(e.children),
		"frozen_ms", inMs(time.Since(e.end.Frozen)), "gates_ms", inMs(between))
}

// adopt takes over the old master's workers, and makes them drain.
func (m *master) adopt(children []*child) {
	for _, c := range children {
		m.children[c.id] = c
		m.plug.count[c.state]++
		m.watch(c)
		m.apply(c, toldDrain)
	}
	for _, g := range slices.Clone(m.plug.older) {
		m.reconcileBoard(g)
		if len(g.free) == len(g.slots) {
			m.retire(g)
		}
	}
}

// commitPatience is how long a commit waits for the pidfile's disk.
const commitPatience = 500 * time.Millisecond

// takePidfile continues the old master's pidfile.
func (m *master) takePidfile(e *received) {
	switch {
	case e.pidfile >= 0 && m.plug.cfg.Pidfile != "":
		m.adoptPidfile(func() (*pidfile.File, error) {
			f, err := pidfile.Adopt(m.plug.cfg.Pidfile, e.pidfile)
			if err != nil {
				unix.Close(e.pidfile)
			}
			return f, err
		})
	case e.pidfile >= 0:
		unix.Close(e.pidfile)
	}
	m.pidfile.dirty = true
	m.pidfile.last = time.Time{}
	m.writePidfile(time.Now())
	patience := time.After(commitPatience)
	for m.pidfile.writing { // line 1 must be this process before the old master ends
		select {
		case r := <-m.pidfile.results:
			m.pidfileWritten(r)
		case <-patience:
			m.log.Error("pidfile "+m.plug.cfg.Pidfile, "error", errAway)
			return
		}
	}
}

// carry copies the state that sessions share from one generation to the next:
// rotation, failed targets and counters by target, and affinity.
func carry(from, to *board.Board, sticky bool) {
	slots, same := matchTargets(from, to)
	for i, j := range slots {
		a, b := from.TargetState(i), to.TargetState(j)
		b.Failed.Store(a.Failed.Load())
		b.Connects.Store(a.Connects.Load())
		b.Failures.Store(a.Failures.Load())
		b.Admin.Store(a.Admin.Load())
		b.Errno.Store(a.Errno.Load())
		b.Failing.Store(a.Failing.Load())
		b.LastFailure.Store(a.LastFailure.Load())
	}
	if same {
		to.State.Rotation.Store(from.State.Rotation.Load())
	}
	if sticky {
		to.CopyAffinity(from, slots)
	}
}

// sameTarget compares addresses and names. The name contains the zone by its name,
// because an interface that is made again has another index.
func sameTarget(a, b *board.Target) bool {
	x, y := a.Addr, b.Addr
	x.Zone, y.Zone = 0, 0
	return x == y && a.Name == b.Name
}

// matchTargets returns which target slot of one board corresponds to which of
// another, and whether both have the same targets in the same order. A target may
// occur more than once.
func matchTargets(from, to *board.Board) (slots map[int]int, same bool) {
	slots = map[int]int{}
	taken := map[int]bool{}
	n, m := int(from.Assignment.TargetCount), int(to.Assignment.TargetCount)
	same = n == m
	for i := range n {
		for k := range m {
			j := (i + k) % m // most often it has the same position
			a, b := from.Target(i), to.Target(j)
			if !taken[j] && sameTarget(a, b) {
				slots[i], taken[j] = j, true
				break
			}
		}
		j, ok := slots[i]
		same = same && ok && j == i
	}
	return slots, same
}
