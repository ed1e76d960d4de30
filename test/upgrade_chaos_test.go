// TestUpgradeChaos: a process is killed at a random time around an upgrade.

package test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// One process is killed by SIGKILL at a random time around an upgrade: only
// the killed worker's sessions end, each with its line; the rest serves on, or
// ends like a plug whose master is killed, and can be started again on the
// same port and pidfile.
func TestUpgradeChaos(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		rng := random(t)
		c := &upgradeChaos{plug: startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr()), rng: rng, tally: map[string]int{}, orphan: map[*streamer]bool{}}
		for i := range count(300 / len(modes)) {
			c.round(i)
			if t.Failed() {
				break
			}
		}
		for _, what := range slices.Sorted(maps.Keys(c.tally)) {
			t.Logf("%3d × %s", c.tally[what], what)
		}
		for _, h := range c.held {
			if err := finish(h.c); err != nil {
				t.Errorf("session of %s: %v", h.peer, err)
			}
			c.ended = append(c.ended, h)
		}
		c.recorded("in the end")
	})
}

// upgradeChaos is a plug that is struck while it is upgraded.
type upgradeChaos struct {
	*plug
	rng    *rand.Rand
	tally  map[string]int
	peers  int
	held   []*streamer        // idle between two pings
	ended  []*streamer        // have ended, and leave a line
	orphan map[*streamer]bool // their master has ended
	from   int                // start of the round's part of the log
}

// heldInChaos is the number of sessions in each round.
const heldInChaos = 6

// round is an upgrade, a blow, and checks of what must be true afterwards.
func (c *upgradeChaos) round(i int) {
	t := c.t
	t.Helper()
	c.fill()
	load := startLoad(t, c.addr(), 1)
	c.install(stampedWith(t, []string{nextOne, thisOne}[c.rng.IntN(2)]))
	old := c.master
	c.from = len(c.errors())
	// An upgrade takes 20 to 200 ms, of which the last few matter most.
	wait := time.Duration(c.rng.ExpFloat64() * float64(40*time.Millisecond))
	who := []string{"old master", "new master", "shepherd", "worker", "new worker"}[c.rng.IntN(5)]
	c.signal(syscall.SIGUSR2)
	passed(wait)
	pid := c.victim(who)
	what := fmt.Sprintf("round %d: SIGKILL for the %s (%d), %v after USR2", i, who, pid, wait)
	if pid != 0 {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	serving := c.settle(pid, what)
	load.end()
	outcome := "stays"
	switch {
	case !serving:
		outcome = "the plug has ended"
	case c.master != old:
		outcome = "upgraded"
	}
	if pid == 0 {
		who = "nobody"
	}
	c.tally[who+": "+outcome]++

	allowed := 0 // the killed worker's own client, and one more at the same time in pool mode
	if strings.Contains(who, "worker") {
		allowed = 2
	}
	if serving && len(load.errs) > allowed {
		t.Errorf("%s: %d clients were not served: %v", what, len(load.errs), load.faults())
	}
	if serving && (who == "shepherd" || who == "old master" && c.master == old) {
		t.Errorf("%s: it serves on", what)
	}
	// Once it has taken over, it is the master: first the pidfile's first line
	// says so, and then the log.
	pids, _ := readPidfile(c.pidfile)
	tookOver := who == "new master" && (len(pids) > 0 && pids[0] == pid ||
		slices.ContainsFunc(c.outcomes(), func(s string) bool { return strings.Contains(s, "plug: upgraded: ") }))
	if !serving && who != "shepherd" && who != "old master" && !tookOver {
		t.Errorf("%s: the plug has ended\n%s", what, c.lately())
	}
	c.survive(pid, what)
	c.recorded(what)
	if t.Failed() || serving {
		return
	}
	for _, h := range c.held {
		c.orphan[h] = true
	}
	if !c.relaunch() {
		t.Fatalf("%s: the next start exits with %d: %s", what, c.code(), tail(c.errors(), 500))
	}
}

// fill opens the missing sessions, each from a different address.
func (c *upgradeChaos) fill() {
	c.t.Helper()
	var conns []*net.TCPConn
	for len(c.held) < heldInChaos {
		h := &streamer{peer: fmt.Sprintf("127.9.%d.%d", c.peers/250, 1+c.peers%250)}
		c.peers++
		h.c = dialAs(c.t, h.peer, c.addr())
		h.c.SetDeadline(time.Now().Add(time.Hour))
		mustPing(c.t, h.c)
		h.bytes++
		c.held = append(c.held, h)
	}
	for _, h := range c.held {
		conns = append(conns, h.c)
	}
	for i, pid := range c.carriersOf(conns) {
		if h := c.held[i]; h.pid != 0 && h.pid != pid {
			c.t.Fatalf("the session of %s was carried by %d, now by %d", h.peer, h.pid, pid)
		}
		c.held[i].pid = pid
	}
}

// victim is a process with this role, or 0.
func (c *upgradeChaos) victim(who string) int {
	shepherd, fresh := c.cmd.Process.Pid, 0
	for _, q := range c.masters() {
		if q.pid != shepherd && q.pid != c.master {
			fresh = q.pid
		}
	}
	choose := func(parent int) int {
		var found []process
		for _, w := range c.workers() {
			if w.pid != fresh && (w.ppid == parent || parent == 0) {
				found = append(found, w)
			}
		}
		if len(found) == 0 {
			return 0
		}
		return found[c.rng.IntN(len(found))].pid
	}
	switch who {
	case "old master":
		return c.master
	case "new master":
		return fresh
	case "shepherd":
		return shepherd
	case "new worker":
		if fresh == 0 {
			return 0
		}
		return choose(fresh)
	}
	return choose(0)
}

// settle waits until the victim is dead and no upgrade is in progress, and
// reports whether a master serves.
func (c *upgradeChaos) settle(victim int, what string) (serves bool) {
	c.t.Helper()
	over := func() bool {
		if victim != 0 && isOf(victim, c.bin) || victim == c.cmd.Process.Pid && !c.hasExited() {
			return false
		}
		carries := map[int]bool{}
		for _, h := range c.held {
			carries[h.pid] = true
		}
		var masters []process
		for _, q := range c.masters() {
			if q.pid != c.cmd.Process.Pid {
				masters = append(masters, q)
			}
		}
		if c.hasExited() {
			serves = false
			for _, w := range c.procs() {
				if !carries[w.pid] {
					return false
				}
			}
			return true
		}
		pids, err := readPidfile(c.pidfile)
		serves = err == nil && len(masters) == 1 && pids[0] == masters[0].pid && isOf(pids[0], c.bin)
		if serves {
			c.master = pids[0]
		}
		return serves && len(c.outcomes()) > 0
	}
	// It takes a moment to notice a death.
	if !holdsWithin(upgradeBound, func() bool {
		if !over() {
			return false
		}
		passed(20 * time.Millisecond)
		return over()
	}) {
		c.t.Fatalf("%s: neither served nor over; shepherd has ended: %v, pidfile %q, processes %v\n%s", what, c.hasExited(), readString(c.pidfile), c.procs(),
			c.lately())
	}
	return serves
}

// survive checks that all sessions have survived except those of the killed
// process.
func (c *upgradeChaos) survive(killed int, what string) {
	c.t.Helper()
	var held []*streamer
	for _, h := range c.held {
		if h.pid == killed && killed != 0 {
			if err := hungUp(h.c); err != nil {
				c.t.Errorf("%s: the killed session of %s: %v", what, h.peer, err)
			}
			if !c.orphan[h] { // then no process is left to write it
				c.ended = append(c.ended, h)
			}
			continue
		}
		h.c.SetDeadline(time.Now().Add(talkBound))
		if err := ping(h.c); err != nil {
			c.t.Errorf("%s: the session of %s, carried by %d: %v", what, h.peer, h.pid, err)
		}
		h.bytes++
		held = append(held, h)
	}
	c.held = held
}

// lately is this round's log without the lines about sessions.
func (c *upgradeChaos) lately() string {
	var b strings.Builder
	for line := range strings.Lines(c.errors()[c.from:]) {
		if !strings.Contains(line, "session ended") && !strings.Contains(line, "worker started") {
			b.WriteString(line)
		}
	}
	return tail(b.String(), 6000)
}

// outcomes are the log lines of this round that say how an upgrade has ended.
func (c *upgradeChaos) outcomes() (lines []string) {
	for line := range strings.Lines(c.errors()[c.from:]) {
		if regexp.MustCompile(saidUpgraded + "|" + saidFailed).MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// recorded checks that each ended session has exactly one line.
func (c *upgradeChaos) recorded(what string) {
	c.t.Helper()
	var faults []string
	if !holdsWithin(normalWait, func() bool {
		byPeer := map[string][]sessionLine{}
		for _, l := range parseSessions(c.t, c.sessions) {
			byPeer[l.peer] = append(byPeer[l.peer], l)
		}
		faults = nil
		for _, h := range c.ended {
			if l := byPeer[h.peer]; len(l) != 1 || l[0].pid != h.pid || l[0].in != h.bytes || l[0].out != h.bytes {
				faults = append(faults, fmt.Sprintf("the session of %s, carried by %d, %d bytes: lines %v", h.peer, h.pid, h.bytes, l))
			}
		}
		return len(faults) == 0
	}) {
		c.t.Errorf("%s: %s", what, strings.Join(faults, "\n"))
	}
}
