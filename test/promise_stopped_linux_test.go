// A test of DESIGN's promise about a stopped master.

package test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// While the master is stopped, sessions continue and spares serve; when it
// continues, everything is correct again (DESIGN, promise 8): sessions that
// began, ended or were killed meanwhile are in the pidfile, the session file
// and the title.
func TestPromiseMasterStopped(t *testing.T) {
	const spares = 8
	if !harness.OwnNet(t) {
		return
	}
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, append(harness.SparesArgs(mode, spares), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Spares(spares)
		held := harness.Hold(t, p, 4)
		p.Lists(held)
		if mode != "pool" {
			p.Spares(spares)
		}
		harness.StopProcess(t, p.Master)

		// Each session and each spare is a process in fork mode.
		cycles, kept := harness.Count(1000), 3
		if mode == "fork" {
			cycles = spares - kept
		}
		slowest := slowestOfMany(t, p, cycles)
		if slowest > time.Second {
			t.Errorf("a spare serves after %v", slowest)
		}
		began := harness.Hold(t, p, kept)
		flowOn(t, held, 1<<20)
		if err := harness.Finish(held[0]); err != nil {
			t.Error(err)
		}
		before := cycles + 1
		p.Lines(before) // all of them written by their workers, not by the master for a killed one
		lost := killCarrier(p, held[1:], began)
		live := slices.DeleteFunc(slices.Concat(held[1:], began), func(c *net.TCPConn) bool { return slices.Contains(lost, c) })
		var late *harness.Waiting
		if mode == "fork" {
			late = harness.QueueClients(t, p, 5) // no worker is left for them
		}

		syscall.Kill(p.Master, syscall.SIGCONT)
		continued := time.Now()
		if late != nil {
			late.Served(t)
			live = append(live, late.Conns...)
		}
		if mode == "pool" {
			p.Carriers(spares)
		}
		trueAgain(t, p, live, before+len(lost))
		t.Logf("true again after %v; the slowest of %d sessions took %v", time.Since(continued), cycles, slowest)
		flowOn(t, live, 100_000)
		for _, c := range live {
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
		p.Lines(before + len(lost) + len(live))
		ready(p, spares)
	})
}

// slowestOfMany is how long the slowest of n short sessions takes.
func slowestOfMany(t *testing.T, p *harness.Plug, n int) (slowest time.Duration) {
	t.Helper()
	for range n {
		began := time.Now()
		harness.ShortSession(t, p)
		slowest = max(slowest, time.Since(began))
	}
	return slowest
}

func flowOn(t *testing.T, sessions []*net.TCPConn, n int64) {
	t.Helper()
	for _, c := range sessions {
		harness.FlowOn(t, c, n)
	}
}

// trueAgain waits until a master that goes on has caught up: the pidfile, the
// session file, the title and its children.
func trueAgain(t *testing.T, p *harness.Plug, live []*net.TCPConn, lines int) {
	t.Helper()
	p.Lists(live)
	p.Lines(lines)
	want := fmt.Sprintf("plug: master %d (%d session", p.Port, len(live))
	if !harness.HoldsWithin(harness.ShortWait, func() bool { return strings.HasPrefix(harness.Title(p.Master), want) }) {
		t.Errorf("the master's title is %q, with %d sessions", harness.Title(p.Master), len(live))
	}
	harness.Await(t, "no dead child of the master", harness.ShortWait, func() bool { return len(zombies(p)) == 0 })
}

// killCarrier kills the worker of one of the sessions and returns those that
// have ended.
func killCarrier(p *harness.Plug, sessions ...[]*net.TCPConn) (lost []*net.TCPConn) {
	p.T.Helper()
	victim := p.Carrier(sessions[0][0])
	syscall.Kill(victim, syscall.SIGKILL)
	// It stays a zombie while its master is stopped.
	harness.Await(p.T, "the worker's end", harness.NormalWait, func() bool { return !harness.IsOf(victim, p.Bin) })
	for _, c := range slices.Concat(sessions...) {
		if harness.Ping(c) != nil {
			lost = append(lost, c)
		}
	}
	if len(lost) == 0 || p.Mode != "pool" && len(lost) != 1 {
		p.T.Errorf("with worker %d %d sessions have ended", victim, len(lost))
	}
	return lost
}

// zombies are the master's dead children.
func zombies(p *harness.Plug) (found []harness.Process) {
	for _, q := range childrenOf(p.Master) {
		if q.State == 'Z' {
			found = append(found, q)
		}
	}
	return found
}
