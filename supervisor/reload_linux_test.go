// Tests of reloads: what each kind of change needs, and that a reload that fails changes
// nothing.

package supervisor

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// reloadTo reloads a configuration, which set has changed, and returns the result. New
// workers start and are ready at once, unless fail says that the forks of a plug fail.
func (s *testMaster) reloadTo(set func(*config.Config), fail string) (said string, err error) {
	s.t.Helper()
	was := s.inEffect()
	next := &config.Config{Process: was.Process}
	for _, p := range was.Plugs {
		c := *p
		next.Plugs = append(next.Plugs, &c)
	}
	set(next)
	s.reloads.load = func() (*config.Config, error) { return next, nil }
	done := false
	s.reload(false, func(a act, e error) { said, err, done = a.said, e, true })
	for end := time.After(patience); !done; {
		select {
		case call := <-s.calls:
			call()
		case <-end:
			s.t.Fatal("the reload does not end")
		default:
		}
		if o := s.spawnRequest(); o != nil && o.child.plug().name() == fail {
			unix.Close(o.lifeline[1])
			o.child.plug().spawned(spawnResult{child: o.child, err: unix.EAGAIN})
		} else if o != nil {
			a := s.startSleeper(*o)
			a.plug().spawned(spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()})
			s.ring(a, report.Ready)
		}
		s.populate()
	}
	for o := s.spawnRequest(); o != nil; o = s.spawnRequest() { // of what was given up
		unix.Close(o.lifeline[1])
		o.child.plug().spawned(spawnResult{child: o.child, err: errSuspended})
	}
	s.checkCounts()
	return said, err
}

// spawnRequest returns the next spawn request, nil if there is none.
func (s *testMaster) spawnRequest() *spawnRequest {
	select {
	case o := <-s.spawner.requests:
		return &o
	default:
		return nil
	}
}

// pids returns the PIDs of a plug's workers that are not told to drain.
func (p *plug) pidsServing() (all []int) {
	for _, c := range p.roster {
		if c.state == spare || c.state == busy {
			all = append(all, c.pid)
		}
	}
	return all
}

// killAllOf kills the workers of a generation.
func (s *testMaster) killAllOf(g *generation, signal unix.Signal) {
	s.t.Helper()
	for _, a := range s.workers {
		if a.generation == g && !a.dead {
			s.kill(a, signal)
		}
	}
}

// A live change replaces no process.
func TestReloadIsLive(t *testing.T) {
	s, plugs, _ := threePlugs(t)
	before := [][]int{plugs[0].pidsServing(), plugs[1].pidsServing(), plugs[2].pidsServing()}
	said, err := s.reloadTo(func(c *config.Config) {
		c.Plugs[1].Targets, c.Plugs[1].ConnectTimeout = targetsAt(7, 8), 3*time.Second
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`plug 127.0.0.2:0: targets: ["127.0.0.1:9"] → ["192.0.2.1:7","192.0.2.1:8"] (live)`, "plug 127.0.0.2:0: connect-timeout: 1 → 3 (live)"} {
		if !strings.Contains(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	for i, p := range plugs {
		a := p.generation.board.Assignment
		checkEqual(t, p.name()+": the epoch", a.Epoch, []uint32{0, 1, 0}[i])
		if !slices.Equal(p.pidsServing(), before[i]) {
			t.Errorf("%s: other workers", p.name())
		}
	}
	checkEqual(t, "the connect timeout", plugs[1].generation.board.Assignment.ConnectTimeout, 3000)
	if got := strings.Join(plugs[1].targetsInOrder(), " "); got != "192.0.2.1:7 192.0.2.1:8" {
		t.Errorf("targets %s", got)
	}
	if said, err := s.reloadTo(func(*config.Config) {}, ""); err != nil || said != "nothing has changed" {
		t.Errorf("the same again: %q, %v", said, err)
	}
}

// What workers cannot follow needs a new generation of that plug only.
func TestReloadNeedsNewWorkers(t *testing.T) {
	s, plugs, spares := threePlugs(t)
	row := s.addSession(spares[0][0], "10.1.2.3:40112")
	s.ring(spares[0][0], report.Begin)
	was, others := plugs[0].generation, [][]int{plugs[1].pidsServing(), plugs[2].pidsServing()}
	if _, err := s.reloadTo(func(c *config.Config) { c.Plugs[0].MaxUses = 77 }, ""); err != nil {
		t.Fatal(err)
	}
	p := plugs[0]
	checkEqual(t, "uses", p.generation.board.Assignment.Uses, 77)
	checkEqual(t, "the old gate", was.board.State.Gate.Load(), board.GateDraining)
	checkEqual(t, "the new gate", p.generation.board.State.Gate.Load(), board.GateOpen)
	for _, a := range spares[0] {
		checkEqual(t, "the state of an old worker", a.state, draining)
	}
	if len(p.pidsServing()) < 2 {
		t.Errorf("%d new workers", len(p.pidsServing()))
	}
	if !slices.Equal(plugs[1].pidsServing(), others[0]) || !slices.Equal(plugs[2].pidsServing(), others[1]) {
		t.Error("another plug has other workers")
	}
	row.Free()
	s.killAllOf(was, unix.SIGUSR1)
	s.writePidfile(time.Now().Add(time.Minute))
	s.reap()
	if len(p.older) != 0 {
		t.Error("the old generation is not retired")
	}
}

// A plug is added with workers that are ready, and one is removed whose session
// continues and has its line.
func TestReloadAddsAndRemovesPlugs(t *testing.T) {
	s, plugs, spares := threePlugs(t)
	removed := plugs[2]
	s.addSession(spares[2][0], "10.1.2.3:40112")
	s.ring(spares[2][0], report.Begin)
	at := boundTo(t, removed.listeners[0].fd).String()
	path := filepath.Join(t.TempDir(), "sessions")
	said, err := s.reloadTo(func(c *config.Config) {
		added := *c.Plugs[0]
		added.Name, added.SessionLog = "added", path
		added.Listeners = []config.Source{{Addr: netip.MustParseAddr("127.0.0.9"), Named: true}}
		c.Plugs = []*config.Plug{c.Plugs[0], &added, c.Plugs[1]}
	}, "")
	if err != nil || !strings.Contains(said, "plug added: added") || !strings.Contains(said, "plug 127.0.0.3:0: removed") {
		t.Fatal(said, err)
	}
	if len(s.plugs) != 3 || s.plugs[1].name() != "added" || s.plugs[2] != plugs[1] {
		t.Fatalf("plugs %v", s.plugs)
	}
	added := s.plugs[1]
	checkEqual(t, "its gate", added.generation.board.State.Gate.Load(), board.GateOpen)
	checkEqual(t, "its spares", added.count[spare], 2)
	s.clientOf(added)
	s.tick(time.Now().Add(leaveWithin))
	if c, err := net.Dial("tcp", at); err == nil {
		c.Close()
		t.Error("the port of the removed plug is not free")
	}
	if live := s.ask(control.Request{Verb: control.GetSessions}, nil).Sessions; len(live) != 1 || live[0].Plug != "127.0.0.3:0" {
		t.Errorf("sessions %+v", live)
	}
	s.killAllOf(removed.generation, unix.SIGKILL)
	s.writePidfile(time.Now().Add(time.Minute))
	s.reap()
	if len(s.others) != 0 {
		t.Error("the removed plug is not forgotten")
	}
	until(t, "the line of its session", func() bool {
		text, _ := os.ReadFile(removed.cfg.SessionLog)
		return strings.Contains(string(text), " 127.0.0.3:0 10.1.2.3 ")
	})
}

// Listeners come and go by order; one that moves to another plug keeps its queue.
func TestReloadMovesListeners(t *testing.T) {
	s, plugs, spares := threePlugs(t)
	for _, all := range spares {
		for _, a := range all {
			a.orders()
		}
	}
	moved := plugs[1].listeners[0]
	s.clientOf(plugs[1])
	if _, err := s.reloadTo(func(c *config.Config) {
		other := config.Source{Addr: netip.MustParseAddr("127.0.0.8"), Named: true}
		c.Plugs[0].Listeners = append(slices.Clone(c.Plugs[0].Listeners), c.Plugs[1].Listeners[0])
		c.Plugs[1].Listeners = []config.Source{other}
	}, ""); err != nil {
		t.Fatal(err)
	}
	if l := plugs[0].listeners; len(l) != 2 || l[1].fd != moved.fd || l[1].number != 1 {
		t.Errorf("listeners %+v", l)
	}
	checkEqual(t, "clients in the queue", plugs[0].queued(), 1)
	if at := boundTo(t, plugs[1].listeners[0].fd).Addr().String(); at != "127.0.0.8" {
		t.Errorf("the second plug listens at %s", at)
	}
	for i, want := range []string{"l0000000001", "x0000000000l0000000001", ""} {
		got := spares[i][0].orders()
		for got == string(rune(report.Session)) { // the session file was reopened, too
			got = spares[i][0].orders()
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("worker of plug %d got %q, want %q", i, got, want)
		}
	}
	s.tick(time.Now().Add(leaveWithin))
	if !listens(moved.fd) {
		t.Error("the listener that moved was shut down")
	}
}

// Whatever fails, the configuration before stays in effect, and nothing is left open.
func TestReloadFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.7:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).AddrPort().Port()
	for _, c := range []struct {
		name string
		set  func(*config.Config)
		fail string // forks of this plug fail
		want string
	}{
		{"a taken port", func(c *config.Config) {
			c.Plugs[0].ConnectTimeout = 9 * time.Second
			c.Plugs[1].Listeners = []config.Source{{Addr: netip.MustParseAddr("127.0.0.7"), Port: port, Named: true}}
		}, "", "Address already in use"},
		{"a session file without its directory", func(c *config.Config) {
			c.Plugs[0].ConnectTimeout = 9 * time.Second
			c.Plugs[2].SessionLog = "/no/such/directory/sessions"
		}, "", "No such file or directory"},
		{"no workers for a change", func(c *config.Config) {
			c.Plugs[0].MaxUses = 9
			c.Plugs[1].Targets = targetsAt(7)
		}, "127.0.0.1:0", "fork"},
		{"no workers for a new plug", func(c *config.Config) {
			c.Plugs[0].ConnectTimeout = 9 * time.Second
			added := *c.Plugs[1]
			added.Name, added.Listeners = "added", []config.Source{{Addr: netip.MustParseAddr("127.0.0.6"), Named: true}}
			c.Plugs = append(c.Plugs, &added)
		}, "added", "fork"},
		{"an option of the process", func(c *config.Config) { c.Pidfile = "/elsewhere" }, "", "pidfile: it changes only at a start"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, plugs, _ := threePlugs(t)
			before, serving := openFDs(t), plugs[0].pidsServing()
			_, err := s.reloadTo(c.set, c.fail)
			if err == nil {
				t.Fatal("it does not fail")
			}
			for _, want := range []string{"reload failed; nothing has changed: ", c.want} {
				if text := host.Reason(err); !strings.Contains(text, want) {
					t.Errorf("error %q, want %q", text, want)
				}
			}
			checkUnchanged(t, plugs)
			if !slices.Equal(plugs[0].pidsServing(), serving) {
				t.Errorf("workers %v, before %v", plugs[0].pidsServing(), serving)
			}
			s.runAsides() // session files were reopened, too
			if n := openFDs(t); n != before {
				t.Errorf("%d descriptors, before %d", n, before)
			}
			if _, err := s.reloadTo(func(c *config.Config) { c.Plugs[1].Targets = targetsAt(5) }, ""); err != nil {
				t.Errorf("the next reload: %v", err)
			}
		})
	}
}

// checkUnchanged checks that plugs serve as they were made.
func checkUnchanged(t *testing.T, plugs []*plug) {
	t.Helper()
	for _, p := range plugs {
		checkEqual(t, p.name()+": the connect timeout", p.cfg.ConnectTimeout, time.Second)
		checkEqual(t, p.name()+": uses", p.generation.board.Assignment.Uses, 10000)
		checkEqual(t, p.name()+": the gate", p.generation.board.State.Gate.Load(), board.GateOpen)
		checkEqual(t, p.name()+": the target", p.targetsInOrder()[0], "127.0.0.1:9")
	}
}

// openFDs returns how many descriptors this process has.
func openFDs(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// A configuration that cannot be read changes nothing.
func TestReloadOfABrokenFile(t *testing.T) {
	s, _, _ := threePlugs(t)
	s.reloads.load = func() (*config.Config, error) { return nil, errors.New("plug.hcl:3: no such option") }
	var err error
	done := false
	s.reload(false, func(_ act, e error) { err, done = e, true })
	for !done {
		(<-s.calls)()
	}
	checkError(t, "reload", err, "plug.hcl:3: no such option")
	s.checkLoggedOnce("reload failed; nothing has changed")
}
