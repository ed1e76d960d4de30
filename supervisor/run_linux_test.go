// Tests of the master's whole loop with signals and ticks: starts that fail, and
// the ends of a plug.

package supervisor

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// If a plug's first workers die, cannot be forked or never become ready, the start
// fails with the reason, and leaves nothing behind.
func TestFailedStart(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(*testMaster)
		want string
	}{
		{"a worker dies", func(s *testMaster) {
			a := s.spawnNext()
			s.kill(a, unix.SIGABRT)
		}, "died before it was ready: killed by signal 6"},
		{"no fork", func(s *testMaster) {
			o := <-s.spawner.requests
			unix.Close(o.lifeline[1])
			s.plug.spawned(spawnResult{child: o.child, err: unix.EAGAIN})
		}, "Resource temporarily unavailable"},
		{"no worker gets ready", func(s *testMaster) {
			s.spawnNext()
			s.tick(time.Now().Add(startPatience + time.Second))
		}, "no worker became ready within 10s"},
	} {
		s := newTestMaster(t, func(cfg *settings) { cfg.Pidfile = t.TempDir() + "/plug.pid" })
		s.populate()
		other := s.spawnNext()
		c.fail(s)
		checkError(t, c.name, s.startup.err, c.want)
		first := s.startup.err
		until(t, c.name+": the other worker is ended", func() bool { return !s.alive(other) })
		s.kill(other, unix.SIGKILL)
		if s.startup.err != first {
			t.Errorf("%s: the error became %v", c.name, s.startup.err)
		}
		if s.phase != stopping || s.starter.ready != 0 {
			t.Errorf("%s: phase %d, the starter was told %d times that the plug is ready", c.name, s.phase, s.starter.ready)
		}
		s.ring(other, report.Ready)
		s.afterEvent()
		if s.phase != stopping {
			t.Errorf("%s: the plug serves although its start has failed", c.name)
		}
	}
}

// If a first worker is killed, the next one may still start: the plug tries again,
// and does not serve before.
func TestFirstWorkerKilled(t *testing.T) {
	for _, signal := range []unix.Signal{unix.SIGKILL, unix.SIGTERM} {
		s := newTestMaster(t, func(c *settings) { c.SparesMin, c.SparesMax = 1, 1 })
		s.populate()
		s.kill(s.spawnNext(), signal)
		s.afterEvent()
		if s.phase != opening || s.startup.err != nil {
			t.Fatalf("%v: phase %d, error %v; want opening, none", signal, s.phase, s.startup.err)
		}
		s.plug.spawning.until = time.Now()
		s.populate()
		s.ring(s.spawnNext(), report.Ready)
		s.afterEvent()
		if s.phase != running || s.starter.ready != 1 {
			t.Errorf("%v: phase %d, ready %d", signal, s.phase, s.starter.ready)
		}
	}
}

// runs reports whether a process exists and is not a zombie (proc(5)).
func runs(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest != "" && rest[0] != 'Z'
}

// loopTest is a master whose loop runs in real time, with a spawner whose workers
// are ready at once.
type loopTest struct {
	*testMaster
	signals chan os.Signal
	done    chan struct{}    // closed when the loop has returned
	spawned chan *testWorker // in the order of their start
}

func startLoop(t *testing.T) *loopTest {
	t.Helper()
	l := &loopTest{
		testMaster: newTestMaster(t, func(cfg *settings) { cfg.Pidfile = t.TempDir() + "/plug.pid" }),
		signals:    make(chan os.Signal, 8), done: make(chan struct{}), spawned: make(chan *testWorker, 8),
	}
	if tickC, err := l.watcher.Ticker(tickEvery); err != nil || tickC != nil {
		t.Fatalf("ticker %v, %v; want the watcher's own", tickC, err)
	}
	l.watcher.Start()
	go func() { // the spawner
		for o := range l.spawner.requests {
			a := l.startSleeper(o)
			l.spawner.results <- spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()}
			l.ringPipe(a, report.Ready)
			l.spawned <- a
		}
	}()
	go func() {
		defer close(l.done)
		l.loop(l.signals)
	}()
	return l
}

// ringPipe writes a worker's doorbell to the report pipe.
func (l *loopTest) ringPipe(a *testWorker, kind report.Kind) {
	r := report.Record{Kind: kind, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 1}
	unix.Write(l.plug.generation.bell, r.Append(nil))
}

// serveOneSession waits until the plug serves, begins a session, and kills the other
// spare. It returns the busy worker and the two new spares.
func (l *loopTest) serveOneSession() []*testWorker {
	l.t.Helper()
	first, second := <-l.spawned, <-l.spawned
	until(l.t, "the gate opens", func() bool { return l.plug.generation.board.State.Gate.Load() == board.GateOpen })
	l.ringPipe(first, report.Begin)
	until(l.t, "the pidfile lists the busy worker", func() bool {
		text, _ := os.ReadFile(l.cfg.Pidfile)
		return string(text) == lines(l.pid, first.pid)
	})
	third := <-l.spawned // a spare that replaces the busy one
	unix.Kill(second.pid, unix.SIGKILL)
	fourth := <-l.spawned // a spare that replaces the killed one
	until(l.t, "the dead worker is reaped", func() bool { return unix.Kill(second.pid, 0) == unix.ESRCH })
	second.dead = true
	return []*testWorker{first, third, fourth}
}

// The loop itself, from the first start of a worker to the end of the plug, in real
// time.
func TestLoop(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*loopTest)
		live bool // workers continue
	}{
		{"TERM", func(l *loopTest) { l.signals <- syscall.SIGTERM }, true},
		{"INT", func(l *loopTest) { l.signals <- syscall.SIGINT }, false},
		{"the starter ends", func(l *loopTest) { close(l.starter.gone) }, true},
	} {
		l := startLoop(t)
		workers := l.serveOneSession()
		c.end(l)
		select {
		case <-l.done:
		case <-time.After(patience):
			t.Fatalf("%s: the loop does not end", c.name)
		}
		if _, err := os.Stat(l.cfg.Pidfile); !os.IsNotExist(err) {
			t.Errorf("%s: the pidfile is still there: %v", c.name, err)
		}
		for _, a := range workers {
			if live := runs(a.pid); live != c.live {
				t.Errorf("%s: worker %d runs: %v, want %v", c.name, a.pid, live, c.live)
			}
			a.dead = !c.live
		}
		if l.starter.ready != 1 {
			t.Errorf("%s: the starter was told %d times that the plug is ready, want once", c.name, l.starter.ready)
		}
		if l.startup.err != nil {
			t.Errorf("%s: start-up error %v", c.name, l.startup.err)
		}
		close(l.spawner.requests)
	}
}
