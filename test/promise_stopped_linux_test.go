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
)

// While the master is stopped, sessions continue and spares serve; when it
// continues, everything is correct again (DESIGN, promise 8): sessions that
// began, ended or were killed meanwhile are in the pidfile, the session file
// and the title.
func TestPromiseMasterStopped(t *testing.T) {
	const spares = 8
	if !ownNet(t) {
		return
	}
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, append(sparesArgs(mode, spares), serve(t, anywhere, echo).addr())...)
		p.spares(spares)
		held := hold(t, p, 4)
		p.lists(held)
		if mode != "pool" {
			p.spares(spares)
		}
		p.freeze(p.master)

		// Each session and each spare is a process in fork mode.
		cycles, kept := count(1000), 3
		if mode == "fork" {
			cycles = spares - kept
		}
		slowest := time.Duration(0)
		for range cycles {
			began := time.Now()
			cycle(t, p)
			slowest = max(slowest, time.Since(began))
		}
		if slowest > time.Second {
			t.Errorf("a spare serves after %v", slowest)
		}
		began := hold(t, p, kept)
		for _, c := range held {
			flow(t, c, 1<<20)
		}
		if err := finish(held[0]); err != nil {
			t.Error(err)
		}
		before := cycles + 1
		p.lines(before) // all of them written by their workers, not by the master for a killed one
		lost := p.killCarrier(held[1:], began)
		live := slices.DeleteFunc(slices.Concat(held[1:], began), func(c *net.TCPConn) bool { return slices.Contains(lost, c) })
		var late *waiting
		if mode == "fork" {
			late = queue(t, p, 5) // no worker is left for them
		}

		syscall.Kill(p.master, syscall.SIGCONT)
		continued := time.Now()
		if late != nil {
			late.served(t)
			live = append(live, late.conns...)
		}
		if mode == "pool" {
			p.carriers(spares)
		}
		p.lists(live)
		p.lines(before + len(lost))
		want := fmt.Sprintf("plug: master %d (%d session", p.port, len(live))
		if !holdsWithin(shortWait, func() bool { return strings.HasPrefix(title(p.master), want) }) {
			t.Errorf("the master's title is %q, with %d sessions", title(p.master), len(live))
		}
		await(t, "no dead child of the master", shortWait, func() bool { return len(p.zombies()) == 0 })
		t.Logf("true again after %v; the slowest of %d sessions took %v", time.Since(continued), cycles, slowest)
		for _, c := range live {
			flow(t, c, 100_000)
			if err := finish(c); err != nil {
				t.Error(err)
			}
		}
		p.lines(before + len(lost) + len(live))
		p.ready(spares)
	})
}

// killCarrier kills the worker of one of the sessions and returns those that
// have ended.
func (p *plug) killCarrier(sessions ...[]*net.TCPConn) (lost []*net.TCPConn) {
	p.t.Helper()
	victim := p.carrier(sessions[0][0])
	syscall.Kill(victim, syscall.SIGKILL)
	// It stays a zombie while its master is stopped.
	await(p.t, "the worker's end", normalWait, func() bool { return !isOf(victim, p.bin) })
	for _, c := range slices.Concat(sessions...) {
		if ping(c) != nil {
			lost = append(lost, c)
		}
	}
	if len(lost) == 0 || p.mode != "pool" && len(lost) != 1 {
		p.t.Errorf("with worker %d %d sessions have ended", victim, len(lost))
	}
	return lost
}

// zombies are the master's dead children.
func (p *plug) zombies() (found []process) {
	for _, q := range childrenOf(p.master) {
		if q.state == 'Z' {
			found = append(found, q)
		}
	}
	return found
}
