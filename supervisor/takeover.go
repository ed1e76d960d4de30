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
	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/handover"
)

// takeover is the new master's side of a handover. Until the commit the old master
// serves. This one has workers that wait for their gate to open; if anything
// fails, it exits, and they exit with it.
type takeover struct {
	m    *master
	wire handover.Wire
	old  int // its PID

	build string // its version

	offered map[uint32]*plug // by the ID of the offer
	sockets []offeredSocket  // listeners that no plug has taken yet
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
	if err := s.takeAll(); err != nil {
		return err
	}
	m.starter.Tell("successor", "")
	return nil
}

// takeAll takes over what the old master offers while it serves.
func (s *takeover) takeAll() error {
	o, err := s.takeOffer()
	if err != nil {
		return err
	}
	s.offered = map[uint32]*plug{}
	for range o.Plugs {
		if err := s.takePlug(); err != nil {
			return err
		}
	}
	return s.takeListeners()
}

// takeOffer takes over what belongs to the process: the starter's socket and the
// control socket.
func (s *takeover) takeOffer() (*handover.Offer, error) {
	m := s.m
	answer, fds, err := s.wire.Expect(handover.KindOffer, handover.ReadyWithin)
	if err != nil {
		return nil, err
	}
	o, sockets := answer.Offer, 1
	if o != nil && o.Control != nil {
		sockets++
	}
	if o == nil || len(fds) != sockets {
		handover.CloseAll(fds)
		return nil, fmt.Errorf("an invalid offer with %d descriptors", len(fds))
	}
	m.starter.Become(o.Role, fds[0])
	if err := m.continueControl(o.Control, fds[len(fds)-1]); err != nil {
		return nil, err
	}
	m.last.child = o.LastID + 1<<20 // the old master starts workers until the freeze
	if m.cfg.Foreground && o.Shepherd != 0 {
		m.shepherd = o.Shepherd
	}
	m.last.generation = o.Generation
	return o, nil
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
	e := newReceived(s.offered)
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
		case handover.KindState:
			handover.CloseAll(fds)
			err = e.addState(m.State)
		case handover.KindLines:
			handover.CloseAll(fds)
			err = e.addLines(m.Lines)
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
	m.phase = running
	var between time.Duration
	for _, p := range m.plugs {
		if state := e.plugs[p]; state != nil { // otherwise it is new
			p.paused = state.Paused
		}
		between = max(between, p.switchTo(p.generation, e.generationsOf(p)))
	}
	for _, p := range m.others {
		p.continueRemoved(e.generationsOf(p))
	}
	m.totals.Add(&e.end.Totals)
	m.totals.Upgrades.Done++
	m.since = time.Now()
	if e.end.LogLevel != nil {
		m.useLogLevel(*e.end.LogLevel)
		m.levelSet = true
	}
	m.roster = append(e.children, m.roster...)
	m.takePidfile(e)
	for _, p := range slices.Concat(m.plugs, m.others) {
		if state := e.plugs[p]; state != nil {
			p.takeState(state)
		}
	}
	m.adopt(e.children)
	m.losses.records.told, m.losses.lines.told = e.end.Told.Records, e.end.Told.Dropped
	for _, l := range m.upgrades.takeover.sockets {
		m.reloads.left = append(m.reloads.left, leftListener{listener{fd: l.fd, source: config.Source{Inherited: l.inherited()}}, m.since})
	}
	m.starter.Tell("master", "")
	m.serveControl()
	m.log.Info("upgraded", "version", m.version, "workers", len(e.children),
		"frozen_ms", inMs(time.Since(e.end.Frozen)), "gates_ms", inMs(between))
}

// takeState takes over what the old master has counted, its older generations, and
// the session lines that wait.
func (p *plug) takeState(e *receivedPlug) {
	p.totals.Add(&e.Totals)
	p.lines.told = e.Told
	for _, g := range p.older {
		p.watchPipe(g)
	}
	for _, line := range e.lines {
		p.sessionFile.write([]byte(line))
	}
}

// watchPipe watches the report pipe of an adopted generation.
func (p *plug) watchPipe(g *generation) {
	p.m.attempt("watch the report pipe", func() error {
		if !slices.Contains(p.older, g) && p.generation != g {
			return nil
		}
		return p.m.watcher.Pipe(g.number, g.report)
	}, "generation", g.number)
	g.board.State.Attention.Store(1) // workers whose state was unclear at the freeze are reconciled with the board
}

// adopt takes over the old master's workers, and makes them drain.
func (m *master) adopt(children []*child) {
	for p := range m.all() {
		own := p.roster
		p.roster = nil
		for _, c := range children {
			if c.plug() == p {
				p.roster = append(p.roster, c)
			}
		}
		p.roster = append(p.roster, own...)
	}
	for _, c := range children {
		m.children[c.id] = c
		c.plug().count[c.state]++
		m.watch(c)
		m.apply(c, toldDrain)
	}
	for p := range m.all() {
		for _, g := range slices.Clone(p.older) {
			p.reconcileBoard(g)
			if len(g.free) == len(g.slots) {
				p.retire(g)
			}
		}
	}
	for _, p := range slices.Clone(m.others) {
		if len(p.roster) == 0 {
			m.forget(p)
		}
	}
}

// commitPatience is how long a commit waits for the pidfile's disk.
const commitPatience = 500 * time.Millisecond

// takePidfile continues the old master's pidfile.
func (m *master) takePidfile(e *received) {
	switch {
	case e.pidfile >= 0 && m.cfg.Pidfile != "":
		m.adoptPidfile(func() (*pidfile.File, error) {
			f, err := pidfile.Adopt(m.cfg.Pidfile, e.pidfile)
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
			m.log.Error("pidfile "+m.cfg.Pidfile, "error", errAway)
			return
		}
	}
}
