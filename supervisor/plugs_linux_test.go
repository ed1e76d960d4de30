// Tests of a master with three plugs: none of them is affected by the others.

package supervisor

import (
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
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

// One limit for all plugs: no plug takes what another one needs for its minimum, and what
// one gives back another one may have.
func TestLimitOfAllPlugs(t *testing.T) {
	s, plugs, spares := threePlugs(t)
	s.cfg.Budget, s.pidfile.written = 8, math.MaxUint64 // dead workers are reaped at once
	loaded, other := plugs[2], plugs[0]
	var taken []*testWorker
	for begun := spares[2]; len(begun) > 0; taken = append(taken, begun...) {
		for _, a := range begun {
			s.ring(a, report.Begin)
		}
		s.afterEvent()
		_, begun = s.failForks(nil)
	}
	if len(loaded.roster) != 4 || len(s.roster) != 8 {
		t.Fatalf("%d workers of the loaded plug, %d in all; expected 4 and 8", len(loaded.roster), len(s.roster))
	}
	s.ring(spares[0][0], report.Begin)
	s.afterEvent()
	if _, started := s.failForks(nil); len(started) != 0 {
		t.Errorf("%d workers more than allowed", len(started))
	}
	s.kill(taken[0], unix.SIGKILL)
	s.reap()
	s.afterEvent()
	if _, started := s.failForks(nil); len(started) != 1 || started[0].plug() != other {
		t.Errorf("%d workers after a death; expected one, of the plug that wants a spare", len(started))
	}
	for _, a := range spares[1] {
		s.kill(a, unix.SIGKILL)
	}
	s.reap()
	s.afterEvent()
	_, started := s.failForks(nil)
	if len(started) != 2 || started[0].plug() != plugs[1] || started[1].plug() != plugs[1] {
		t.Errorf("%d workers for the plug that is below its minimum; expected 2", len(started))
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
