//go:build linux && !portable

// A client wakes one waiting worker.

package worker

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"daemon/plug/worker/board"
	"daemon/plug/worker/report"
)

// A client wakes one of the workers that wait for it, and not all of them (epoll_ctl(2)
// EPOLLEXCLUSIVE): the others stay asleep.
func TestOthersClientsWakeNobody(t *testing.T) {
	const workers, sessions = 24, 60
	b := newBoss(t, board.Shape{Workers: workers, Capacity: 1}, []string{echo(t)}, nil)
	var all [workers]*hand
	for i := range all {
		all[i] = b.hire(i)
	}
	served := func(h *hand) uint64 { return b.board.Row(h.slot, 0).Word().Epoch() }
	var before [workers]int
	for i, h := range all {
		b.wait("it sleeps", h.sleeps)
		before[i] = h.switches()
	}
	for range sessions {
		c := b.dial()
		b.echoes(c, "x")
		hangUp(t, c)
	}
	sum := uint64(0)
	for i, h := range all {
		n, woken := served(h), h.switches()-before[i]
		sum += n
		// On its way into the long sleep, the worker switches a few times, too.
		if most := 20 + 10*int(n); woken > most {
			t.Errorf("worker %d has served %d clients and woken up %d times, at most %d are due", i, n, woken, most)
		}
	}
	if sum < sessions-1 {
		t.Errorf("%d sessions of %d", sum, sessions)
	}
}

// A pool's worker that has more sessions than the others leaves clients to them, and
// rings for it, because the client woke this worker only. When nudged, it accepts what is
// left: then the others can't.
func TestLeavesClientsToTheOthers(t *testing.T) {
	const share, clients = 16, 60 // share: this many more sessions than a worker that has none
	b := newBoss(t, board.Shape{Workers: 2, Capacity: 2 * clients}, []string{echo(t)}, nil)
	b.board.Column(1).PID.Store(1) // the other worker, asleep
	var all [clients]*net.TCPConn
	for i := range all {
		all[i] = b.dial()
	}
	h := b.hire(0)
	h.hears(report.Leaving)
	live := func() int { return int(b.board.Column(0).Live.Load()) }
	if n := live(); n != share+1 {
		t.Errorf("it leaves with %d sessions, want %d", n, share+1)
	}
	b.silent() // rung only once
	for nudges, before := 0, 0; live() < clients; nudges++ {
		if before = live(); nudges > 2 {
			t.Fatalf("nudged twice, it has %d of %d clients", before, clients)
		}
		h.orders(report.Nudge)
		b.wait("it takes more", func() bool { return live() >= min(clients, before+rescued) })
	}
	for _, c := range all {
		b.echoes(c, "x")
	}
	b.silent()
}

// switches is how often the worker's loop has gone to sleep (proc_pid_status(5)).
func (h *hand) switches() (n int) {
	h.b.t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", h.pid))
	if err != nil {
		h.b.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "voluntary_ctxt_switches:"); ok {
			fmt.Sscan(text, &n)
		}
	}
	return n
}
