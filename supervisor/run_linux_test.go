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
		s.fail(c.fail)
		if s.startup.err == nil || !strings.Contains(s.startup.err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, s.startup.err, c.want)
		}
		first := s.startup.err
		until(t, c.name+": the other worker is ended", func() bool { return !s.alive(other) })
		s.kill(other, unix.SIGKILL)
		if s.startup.err != first {
			t.Errorf("%s: the error became %v", c.name, s.startup.err)
		}
		if s.phase != stopping || s.starter.ready != 0 {
			t.Errorf("%s: phase %d, ready %d", c.name, s.phase, s.starter.ready)
		}
		s.ring(other, report.Ready)
		s.afterEvent()
		if s.phase != stopping {
			t.Errorf("%s: served after all", c.name)
		}
	}
}

// If a first worker is killed, that says nothing about the next one: the plug
// tries again, and does not serve before.
func TestFirstWorkerKilled(t *testing.T) {
	for _, signal := range []unix.Signal{unix.SIGKILL, unix.SIGTERM} {
		s := newTestMaster(t, func(c *settings) { c.SparesMin, c.SparesMax = 1, 1 })
		s.populate()
		s.kill(s.spawnNext(), signal)
		s.afterEvent()
		if s.phase != opening || s.startup.err != nil {
			t.Fatalf("%v: phase %d, error %v", signal, s.phase, s.startup.err)
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

func (s *testMaster) fail(how func(*testMaster)) { how(s) }

// runs reports whether a process exists and is not a zombie (proc(5)).
func runs(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest != "" && rest[0] != 'Z'
}

// The loop itself, from the first start of a worker to its end, in real time.
func TestLoop(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(s *testMaster, signals chan os.Signal)
		live bool // workers continue
	}{
		{"TERM", func(_ *testMaster, signals chan os.Signal) { signals <- syscall.SIGTERM }, true},
		{"INT", func(_ *testMaster, signals chan os.Signal) { signals <- syscall.SIGINT }, false},
		{"the starter ends", func(s *testMaster, _ chan os.Signal) { close(s.starter.gone) }, true},
	} {
		path := t.TempDir() + "/plug.pid"
		s := newTestMaster(t, func(cfg *settings) { cfg.Pidfile = path })
		if tickC, err := s.watcher.Ticker(tickEvery); err != nil || tickC != nil {
			t.Fatal(err)
		}
		s.watcher.Start()
		signals, done, spawned := make(chan os.Signal, 8), make(chan struct{}), make(chan *testWorker, 8)
		go func() {
			for o := range s.spawner.requests { // the spawner, whose children are ready at once
				a := s.startSleeper(o)
				s.spawner.results <- spawnResult{child: o.child, pid: a.pid, pidfd: a.pidfdOf()}
				unix.Write(s.plug.generation.bell, report.Record{Kind: report.Ready, Slot: uint16(a.slot), PID: uint32(a.pid), Generation: 1}.Append(nil))
				spawned <- a
			}
		}()
		go func() {
			defer close(done)
			s.loop(signals)
		}()
		first, second := <-spawned, <-spawned
		until(t, "the gate opens", func() bool { return s.plug.generation.board.State.Gate.Load() == board.GateOpen })
		unix.Write(s.plug.generation.bell, report.Record{Kind: report.Begin, Slot: uint16(first.slot), PID: uint32(first.pid), Generation: 1}.Append(nil))
		until(t, "the pidfile lists it", func() bool {
			text, _ := os.ReadFile(path)
			return string(text) == lines(s.pid, first.pid)
		})
		third := <-spawned // a spare that replaces the busy one
		unix.Kill(second.pid, unix.SIGKILL)
		fourth := <-spawned // a spare that replaces the killed one
		until(t, "the dead one is reaped", func() bool { return unix.Kill(second.pid, 0) == unix.ESRCH })
		second.dead = true
		c.end(s, signals)
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("%s: the loop does not end", c.name)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: the pidfile is still there: %v", c.name, err)
		}
		for _, a := range []*testWorker{first, third, fourth} {
			if alive := runs(a.pid); alive != c.live {
				t.Errorf("%s: worker %d alive %v", c.name, a.pid, alive)
			}
			a.dead = !c.live
		}
		if s.starter.ready != 1 || s.startup.err != nil {
			t.Errorf("%s: ready %d, error %v", c.name, s.starter.ready, s.startup.err)
		}
		close(s.spawner.requests)
	}
}
