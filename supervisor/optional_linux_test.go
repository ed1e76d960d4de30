// Tests of optional plugs that cannot start at first.

package supervisor

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"daemon/plug/supervisor/config"
	"daemon/plug/worker/report"
)

// taken returns a listener of another program, and a plug that wants its address.
func taken(t *testing.T, name string) (net.Listener, *config.Plug) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	at := netip.MustParseAddrPort(l.Addr().String())
	return l, &config.Plug{Name: name, Optional: true, Mode: config.Prefork, SparesMin: 1, SparesMax: 1, MaxWorkers: 4, MaxUses: 10,
		Listeners: []config.Source{{Addr: at.Addr(), Port: at.Port(), Named: true, Backlog: 16}}, Targets: targetsAt(9)}
}

// served serves what the loop gets until a condition holds; workers are ready at once.
func (s *testMaster) served(what string, holds func() bool) {
	s.t.Helper()
	for end := time.After(patience); !holds(); {
		select {
		case call := <-s.calls:
			call()
		case <-end:
			s.t.Fatal(what)
		default:
			if o := s.spawnRequest(); o != nil {
				a := s.startSleeper(*o)
				a.plug().spawned(spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
				s.ring(a, report.Ready)
			}
			s.populate()
		}
	}
}

// ticked does what ticks do for optional plugs, until one tries them.
func (s *testMaster) ticked() {
	s.ticks.n += absentAgain - s.ticks.n%absentAgain
	s.tryAbsent()
}

// An optional plug whose address is taken is left out, and served as soon as the address
// is free. A plug that is not optional, or is the only one, is an error.
func TestOptionalPlug(t *testing.T) {
	s, _ := serving(t, nil)
	before := openFDs(t)
	other, cfg := taken(t, "late")
	p := s.addPlug(cfg)
	failed := fmt.Errorf("bind: in use")
	if p.given.Optional = false; s.leaveOut(p, failed) {
		t.Error("a plug that is not optional is left out")
	}
	p.given.Optional = true
	if !s.leaveOut(p, failed) || len(s.plugs) != 1 || len(s.absent) != 1 {
		t.Fatalf("%d plugs, %d absent", len(s.plugs), len(s.absent))
	}
	s.plug.given.Optional = true
	if s.leaveOut(s.plug, failed) {
		t.Error("the only plug is left out")
	}
	s.plug.given.Optional = false
	s.reloads.process = s.cfg
	s.ticked()
	if s.reloads.current != nil {
		t.Error("a reload begins although the address is taken")
	}
	other.Close()
	s.served("the plug is not served", func() bool {
		s.ticked()
		return len(s.plugs) == 2 && len(s.absent) == 0 && s.reloads.current == nil
	})
	if late := s.plugs[1]; late.name() != "late" || late.count[spare] != 1 || boundTo(t, late.listeners[0].fd) != netip.AddrPortFrom(cfg.Listeners[0].Addr, cfg.Listeners[0].Port) {
		t.Errorf("%s: workers %v", late.name(), late.count)
	}
	if n := openFDs(t); n <= before {
		t.Errorf("%d descriptors, before %d", n, before)
	}
}

// A reload with an optional plug that cannot be opened does the rest.
func TestReloadLeavesOptionalOut(t *testing.T) {
	s, _, _ := threePlugs(t)
	_, cfg := taken(t, "late")
	said, err := s.reloadTo(func(c *config.Config) {
		c.Plugs[1].Targets = targetsAt(5)
		c.Plugs = append(c.Plugs, cfg)
	}, "")
	if err != nil || len(s.plugs) != 3 || len(s.absent) != 1 || s.absent[0] != cfg {
		t.Fatalf("%v: %d plugs, %d absent; %s", err, len(s.plugs), len(s.absent), said)
	}
	if got := fmt.Sprint(s.plugs[1].cfg.Targets); got != fmt.Sprint(targetsAt(5)) {
		t.Errorf("the targets are %s", got)
	}
	if _, err := s.reloadTo(func(*config.Config) {}, ""); err != nil || len(s.absent) != 0 { // the file does not have it any more
		t.Errorf("%v: %d absent", err, len(s.absent))
	}
}
