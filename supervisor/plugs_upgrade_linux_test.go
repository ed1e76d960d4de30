// Tests of upgrades of a master with several plugs: all of them are handed over, also if
// the configuration files have changed.

package supervisor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/report"
)

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
		next.upgrades.takeover = t
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
	if next.last.generation != old.last.generation {
		t.Errorf("generations are numbered from %d, want %d", next.last.generation, old.last.generation)
	}
}

// Without configuration files, a new master whose plugs are not those of the old one is
// refused.
func TestOtherPlugsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		own     []string // addresses of the new master's plugs
		offered []string
		want    string
	}{
		"one more":    {[]string{"127.0.0.1", "127.0.0.2"}, []string{"127.0.0.1"}, `offered listeners ["127.0.0.1:0"], but the command line asks for "127.0.0.2:0"`},
		"one less":    {[]string{"127.0.0.1"}, []string{"127.0.0.1", "127.0.0.2"}, `offered listeners ["127.0.0.1:0" "127.0.0.2:0"], but`},
		"another one": {[]string{"127.0.0.1"}, []string{"127.0.0.2"}, `offered listeners ["127.0.0.2:0"], but the command line asks for "127.0.0.1:0"`},
		"one twice":   {[]string{"127.0.0.1"}, []string{"127.0.0.1", "127.0.0.1"}, `offered listeners ["127.0.0.1:0" "127.0.0.1:0"]`},
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
			all = append(all, &handover.Message{Kind: handover.KindPlug, Plug: &handover.PlugOffer{ID: uint32(len(all)), Name: label, Listeners: []string{label}, Affinity: []uint64{1, 2}}})
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

// With configuration files, an upgrade also applies what has changed in them: a plug that
// was removed keeps its sessions, one that was added is bound, and a listener that is not
// named any more is given back at the commit.
func TestUpgradeWithOtherPlugs(t *testing.T) {
	old, plugs, spares := threePlugs(t)
	old.watcher.Start()
	old.null, _ = trackedFD(t)
	defer unix.Close(old.null)
	old.addSession(spares[2][0], "10.1.2.3:40112")
	old.ring(spares[2][0], report.Begin)
	second, added := *plugs[1].given, *plugs[0].given
	second.Listeners = []config.Source{{Addr: netip.MustParseAddr("127.0.0.8"), Named: true}}
	added.Name, added.Listeners = "added", []config.Source{{Addr: netip.MustParseAddr("127.0.0.9"), Named: true}}
	next := newMaster(old.cfg, &starter{})
	next.logs = old.logs
	next.reloads.load = func() (*config.Config, error) { return nil, nil }
	for _, cfg := range []*config.Plug{&added, plugs[0].given, &second} {
		next.addPlug(cfg)
	}
	e := old.handOverAll(next)
	defer closeListeners(next)
	if len(next.plugs) != 3 || len(next.others) != 1 || next.others[0].name() != "127.0.0.3:0" || !next.others[0].removed {
		t.Fatalf("%d plugs, others %v", len(next.plugs), next.others)
	}
	for i, want := range []string{"127.0.0.9", "127.0.0.1", "127.0.0.8"} {
		checkEqual(t, next.plugs[i].name()+": the address", boundTo(t, next.plugs[i].listeners[0].fd).Addr().String(), want)
	}
	var given []string
	for _, o := range next.upgrades.takeover.sockets {
		given = append(given, o.given)
	}
	if slices.Sort(given); !slices.Equal(given, []string{"127.0.0.2:0", "127.0.0.3:0"}) {
		t.Errorf("listeners that no plug has taken: %q", given)
	}
	if of := e.generationsOf(next.others[0]); len(of) != 1 {
		t.Errorf("%d generations of the removed plug", len(of))
	}
	if e.plugs[next.plugs[0]] != nil || e.plugs[next.plugs[2]] == nil {
		t.Error("the state belongs to other plugs")
	}
}

// closeListeners closes what a new master that never serves has bound or taken over.
func closeListeners(m *master) {
	for _, p := range m.plugs {
		for _, l := range p.listeners {
			unix.Close(l.fd)
		}
	}
	for _, o := range m.upgrades.takeover.sockets {
		unix.Close(o.fd)
	}
}
