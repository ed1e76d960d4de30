// Tests of a master with three plugs: none of them is affected by the others, and
// an upgrade hands over all of them.

package supervisor

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// threePlugs returns a master that serves three plugs, each with two spares, at
// 127.0.0.1, 127.0.0.2 and 127.0.0.3.
func threePlugs(t *testing.T) (s *testMaster, plugs []*plug, spares [][]*testWorker) {
	t.Helper()
	s = newTestMaster(t, nil)
	for i := range 2 {
		cfg := *s.plug.cfg
		cfg.Listeners = []config.Source{{Addr: netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}), Named: true}}
		cfg.SessionLog = filepath.Join(t.TempDir(), "sessions")
		s.add(&cfg)
	}
	s.setZone(time.Now())
	s.populate()
	spares = make([][]*testWorker, 3)
	for range 6 {
		a := s.spawnNext()
		s.ring(a, report.Ready)
		i := slices.Index(s.plugs, a.plug())
		spares[i] = append(spares[i], a)
	}
	s.afterEvent()
	if s.phase != running || len(spares[0]) != 2 || len(spares[1]) != 2 || len(spares[2]) != 2 {
		t.Fatalf("phase %d, spares %v", s.phase, spares)
	}
	return s, slices.Clone(s.plugs), spares
}

// failForks answers the pending spawn requests: those of this plug fail, and the
// others get processes, which are ready at once.
func (s *testMaster) failForks(of *plug) (failed int, started []*testWorker) {
	s.t.Helper()
	for {
		select {
		case o := <-s.spawner.requests:
			if p := o.child.plug(); p == of {
				unix.Close(o.lifeline[1])
				p.spawned(spawnResult{child: o.child, err: unix.EAGAIN})
				failed++
				continue
			}
			a := s.startSleeper(o)
			a.plug().spawned(spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
			s.ring(a, report.Ready)
			started = append(started, a)
		default:
			return failed, started
		}
	}
}

// A plug that cannot fork, a paused plug and a plug under load do not affect each
// other.
func TestPlugsAreIndependent(t *testing.T) {
	s, plugs, spares := threePlugs(t)
	broken, paused, loaded := plugs[0], plugs[1], plugs[2]
	paused.pause(true)
	for _, a := range spares[0] {
		s.ring(a, report.Begin) // it needs new spares now
	}
	for _, a := range spares[1] {
		a.orders()
	}
	s.clientOf(paused)
	for round, begun := 0, spares[2]; round < 4; round++ {
		for _, a := range begun {
			s.ring(a, report.Begin)
		}
		s.afterEvent()
		failed, started := s.failForks(broken)
		if round == 0 && failed == 0 || round > 0 && failed != 0 {
			t.Errorf("round %d: %d forks of the plug that cannot fork", round, failed)
		}
		if round < 2 && len(started) == 0 {
			t.Fatalf("round %d: the loaded plug gets no workers", round)
		}
		for _, a := range started {
			if a.plug() != loaded {
				t.Errorf("a worker for %s", a.plug().name())
			}
		}
		broken.spawning.until = time.Now().Add(time.Hour) // otherwise it soon tries again
		begun = started
		s.tick(time.Now())
		s.checkCounts()
	}
	checkEqual(t, "the number of busy workers of the plug that cannot fork", broken.count[busy], 2)
	checkEqual(t, "the number of spares of the paused plug", paused.count[spare], 2)
	if n := loaded.count[busy]; n < 4 {
		t.Errorf("%d busy workers of the loaded plug, want at least 4", n)
	}
	for i, a := range spares[1] {
		if a.told(report.Nudge) {
			t.Errorf("worker %d of the paused plug was nudged", i)
		}
	}
	s.onlyBroken(broken, paused, loaded)
	broken.spawning.until = time.Now()
	s.afterEvent()
	if failed, _ := s.failForks(broken); failed == 0 {
		t.Error("the plug that cannot fork does not try again")
	}
}

// onlyBroken checks that gates, trouble and counts of three plugs are their own.
func (s *testMaster) onlyBroken(broken, paused, loaded *plug) {
	s.t.Helper()
	for p, want := range map[*plug]uint32{broken: board.GateOpen, paused: board.GatePaused, loaded: board.GateOpen} {
		if got := p.generation.board.State.Gate.Load(); got != want {
			s.t.Errorf("%s: the gate is %d, want %d", p.name(), got, want)
		}
	}
	if why, serves := s.trouble(); !serves || !strings.HasPrefix(why, broken.name()+": cannot start a worker: fork: ") {
		s.t.Errorf("trouble %q, serves %v", why, serves)
	}
	for _, p := range []*plug{paused, loaded} {
		if p.trouble() != "" || p.spawning.trouble != 0 || p.totals.SpawnFailures != 0 {
			s.t.Errorf("%s: trouble %q, pause %v, %d spawn failures", p.name(), p.trouble(), p.spawning.trouble, p.totals.SpawnFailures)
		}
	}
	if broken.totals.SpawnFailures == 0 {
		s.t.Error("no spawn failures of the plug that cannot fork")
	}
}

// A dead worker is settled by its own plug: the line is in that plug's file, with
// its name, and no other plug counts the session.
func TestBurialIsThePlugs(t *testing.T) {
	s, plugs, spares := threePlugs(t)
	s.addSession(spares[1][0], "10.1.2.3:40112")
	s.ring(spares[1][0], report.Begin)
	s.kill(spares[1][0], unix.SIGKILL)
	for i, p := range plugs {
		want := []string{}
		if i == 1 {
			want = []string{"127.0.0.2:0 10.1.2.3 "}
		}
		lines := s.linesOf(p, len(want))
		if i == 1 && !strings.Contains(lines[0], want[0]) {
			t.Errorf("%s: %q", p.name(), lines)
		}
		if got := p.totals.Ended[board.Killed]; got != uint64(len(want)) {
			t.Errorf("%s: %d sessions killed", p.name(), got)
		}
	}
	s.afterEvent()
	if _, started := s.failForks(nil); len(started) != 1 || started[0].plug() != plugs[1] {
		t.Errorf("%d workers started", len(started))
	}
}

// handOverAll sends all of a master's state to a new one, up to the commit.
func (s *testMaster) handOverAll(next *master) *received {
	s.t.Helper()
	a, b := handoverPair(s.t)
	u := &upgrade{m: s.master, wire: a, over: make(chan struct{})}
	s.upgrades.current = u
	sent := make(chan error, 1)
	go func() {
		var offer []messageWithFDs
		err := u.do(func() { offer = s.offerMessages() })
		if err == nil {
			err = u.send(offer)
		}
		if err == nil {
			_, _, err = a.Expect(handover.KindFreeze, patience)
		}
		if err == nil {
			err = u.sendState()
		}
		sent <- err
	}()
	type result struct {
		e   *received
		err error
	}
	got := make(chan result, 1)
	go func() {
		t := &takeover{m: next, wire: b}
		e, err := (*received)(nil), t.takeAll()
		if err == nil {
			e, err = t.receive()
		}
		got <- result{e, err}
	}()
	for {
		select {
		case call := <-s.calls:
			call()
		case r := <-got:
			if err := <-sent; err != nil || r.err != nil {
				s.t.Fatal(err, r.err)
			}
			s.t.Cleanup(func() { closeReceived(r.e) })
			return r.e
		case <-time.After(patience):
			s.t.Fatal("the state is not sent")
		}
	}
}

// All plugs are handed over, each with its listeners, its state and its workers.
func TestPlugsAreHandedOver(t *testing.T) {
	old, plugs, spares := threePlugs(t)
	old.watcher.Start()
	old.null, _ = trackedFD(t) // takes the starter's place
	old.addSession(spares[2][1], "10.1.2.3:40112")
	old.ring(spares[2][1], report.Begin)
	plugs[1].pause(true)
	plugs[2].totals.BytesIn = 77
	next := newMaster(old.cfg, &starter{})
	next.logs = old.logs
	for _, p := range slices.Backward(plugs) { // their order does not matter
		next.addPlug(p.cfg)
	}
	e := old.handOverAll(next)
	t.Cleanup(func() {
		unix.Close(old.null)
		for _, p := range next.plugs {
			unix.Close(p.listeners[0].fd)
		}
	})
	for i, p := range plugs {
		q := next.plugNamed(p.name())
		state := e.plugs[q]
		if boundTo(t, q.listeners[0].fd) != boundTo(t, p.listeners[0].fd) || q.affinity != p.generation.board.Assignment.AffinityKey {
			t.Errorf("%s has another plug's listener or affinity", p.name())
		}
		if state.Paused != (i == 1) || state.Totals.BytesIn != []uint64{0, 0, 77}[i] {
			t.Errorf("%s: %+v", p.name(), state.PlugState)
		}
		of := e.generationsOf(q)
		if len(of) != 1 || of[0].number != p.generation.number {
			t.Errorf("%s: %d generations, want one with the number %d", p.name(), len(of), p.generation.number)
		}
		checkEqual(t, p.name()+": the number of workers to start", q.first, 2)
		if n := len(slices.DeleteFunc(slices.Clone(e.children), func(c *child) bool { return c.plug() != q })); n != 2 {
			t.Errorf("%s: %d workers", p.name(), n)
		}
	}
	if next.number != old.number {
		t.Errorf("generations are numbered from %d, want %d", next.number, old.number)
	}
}

// A new master whose plugs are not those of the old one is refused.
func TestOtherPlugsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		own     []string // addresses of the new master's plugs
		offered []string
		want    string
	}{
		"one more":    {[]string{"127.0.0.1", "127.0.0.2"}, []string{"127.0.0.1"}, "does not serve 127.0.0.2:0"},
		"one less":    {[]string{"127.0.0.1"}, []string{"127.0.0.1", "127.0.0.2"}, `offered listeners ["127.0.0.2:0"]`},
		"another one": {[]string{"127.0.0.1"}, []string{"127.0.0.2"}, `offered listeners ["127.0.0.2:0"]`},
		"one twice":   {[]string{"127.0.0.1"}, []string{"127.0.0.1", "127.0.0.1"}, `offered listeners ["127.0.0.1:0"]`},
	} {
		configOf := func(addr string) *settings {
			cfg := newConfig()
			cfg.Listeners[0] = config.Source{Addr: netip.MustParseAddr(addr), Named: true}
			cfg.Name = cfg.Label()
			return cfg
		}
		next := newMaster(new(config.Process), &starter{})
		for _, addr := range c.own {
			next.addPlug(&configOf(addr).Plug)
		}
		a, b := handoverPair(t)
		fd, _ := trackedFD(t)
		all := []*handover.Message{{Kind: handover.KindOffer, Offer: &handover.Offer{Plugs: len(c.offered)}}}
		for _, addr := range c.offered {
			label := configOf(addr).Label()
			all = append(all, &handover.Message{Kind: handover.KindPlug, Plug: &handover.PlugOffer{Plug: label, Listeners: []string{label}, Affinity: []uint64{1, 2}}})
		}
		for _, m := range all {
			if err := a.Send(m, fd); err != nil {
				t.Fatal(err)
			}
		}
		if err := (&takeover{m: next, wire: b}).takeAll(); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		for _, p := range next.plugs {
			for _, l := range p.listeners {
				unix.Close(l.fd)
			}
		}
		unix.Close(fd)
	}
}
