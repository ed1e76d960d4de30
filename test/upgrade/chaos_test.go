// TestUpgradeChaos: a process is killed at a random time around an upgrade.

package upgrade

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

	"daemon/plug/test/harness"
)

// One process is killed by SIGKILL at a random time around an upgrade: only
// the killed worker's sessions end, each with its line; the rest serves on, or
// ends like a plug whose master is killed, and can be started again on the
// same port and pidfile.
func TestUpgradeChaos(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		rng := harness.Random(t)
		c := &upgradeChaos{Plug: harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr()), rng: rng, tally: map[string]int{}, orphan: map[*streamer]bool{}}
		for i := range harness.Count(300 / len(harness.Modes)) {
			c.round(i)
			if t.Failed() {
				break
			}
		}
		for _, what := range slices.Sorted(maps.Keys(c.tally)) {
			t.Logf("%3d × %s", c.tally[what], what)
		}
		for _, h := range c.held {
			if err := harness.Finish(h.c); err != nil {
				t.Errorf("session of %s: %v", h.peer, err)
			}
			c.ended = append(c.ended, h)
		}
		c.recorded("in the end")
	})
}

// upgradeChaos is a plug that is struck while it is upgraded.
type upgradeChaos struct {
	*harness.Plug
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
	t := c.T
	t.Helper()
	c.fill()
	load := startLoad(t, c.Addr(), 1)
	c.Install(harness.Stamped(t, []string{harness.NextVersion, harness.ThisVersion}[c.rng.IntN(2)]))
	old := c.Master
	c.from = len(c.Errors())
	// An upgrade takes 20 to 200 ms, of which the last few matter most.
	wait := time.Duration(c.rng.ExpFloat64() * float64(40*time.Millisecond))
	who := []string{"old master", "new master", "shepherd", "worker", "new worker"}[c.rng.IntN(5)]
	c.Signal(syscall.SIGUSR2)
	harness.Passed(wait)
	pid := c.victim(who)
	what := fmt.Sprintf("round %d: SIGKILL for the %s (%d), %v after USR2", i, who, pid, wait)
	if pid != 0 {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	serving := c.settle(pid, what)
	load.end()
	if pid == 0 {
		who = "nobody"
	}
	c.count(who, serving, c.Master != old)

	allowed := 0 // the killed worker's own client, and one more at the same time in pool mode
	if strings.Contains(who, "worker") {
		allowed = 2
	}
	if serving && len(load.errs) > allowed {
		t.Errorf("%s: %d clients were not served: %v", what, len(load.errs), load.faults())
	}
	if serving && (who == "shepherd" || who == "old master" && c.Master == old) {
		t.Errorf("%s: it serves on", what)
	}
	// Once it has taken over, it is the master: first the pidfile's first line
	// says so, and then the log.
	pids, _ := harness.ReadPidfile(c.Pidfile)
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
	if !c.Relaunch() {
		t.Fatalf("%s: the next start exits with %d: %s", what, c.Code(), harness.Tail(c.Errors(), 500))
	}
}

// count adds a round to the tally.
func (c *upgradeChaos) count(who string, serving, upgraded bool) {
	outcome := "stays"
	switch {
	case !serving:
		outcome = "the plug has ended"
	case upgraded:
		outcome = "upgraded"
	}
	c.tally[who+": "+outcome]++
}

// fill opens the missing sessions, each from a different address.
func (c *upgradeChaos) fill() {
	c.T.Helper()
	var conns []*net.TCPConn
	for len(c.held) < heldInChaos {
		h := &streamer{peer: fmt.Sprintf("127.9.%d.%d", c.peers/250, 1+c.peers%250)}
		c.peers++
		h.c = harness.DialAs(c.T, h.peer, c.Addr())
		h.c.SetDeadline(time.Now().Add(time.Hour))
		harness.MustPing(c.T, h.c)
		h.bytes++
		c.held = append(c.held, h)
	}
	for _, h := range c.held {
		conns = append(conns, h.c)
	}
	for i, pid := range c.CarriersOf(conns) {
		if h := c.held[i]; h.pid != 0 && h.pid != pid {
			c.T.Fatalf("the session of %s was carried by %d, now by %d", h.peer, h.pid, pid)
		}
		c.held[i].pid = pid
	}
}

// victim is a process with this role, or 0.
func (c *upgradeChaos) victim(who string) int {
	shepherd, fresh := c.Cmd.Process.Pid, 0
	for _, q := range mastersOf(c.Plug) {
		if q.PID != shepherd && q.PID != c.Master {
			fresh = q.PID
		}
	}
	choose := func(parent int) int {
		var found []harness.Process
		for _, w := range c.Workers() {
			if w.PID != fresh && (w.PPID == parent || parent == 0) {
				found = append(found, w)
			}
		}
		if len(found) == 0 {
			return 0
		}
		return found[c.rng.IntN(len(found))].PID
	}
	switch who {
	case "old master":
		return c.Master
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
	c.T.Helper()
	over := func() bool {
		if victim != 0 && harness.IsOf(victim, c.Bin) || victim == c.Cmd.Process.Pid && !c.HasExited() {
			return false
		}
		carries := map[int]bool{}
		for _, h := range c.held {
			carries[h.pid] = true
		}
		var masters []harness.Process
		for _, q := range mastersOf(c.Plug) {
			if q.PID != c.Cmd.Process.Pid {
				masters = append(masters, q)
			}
		}
		if c.HasExited() {
			serves = false
			for _, w := range c.Procs() {
				if !carries[w.PID] {
					return false
				}
			}
			return true
		}
		pids, err := harness.ReadPidfile(c.Pidfile)
		serves = err == nil && len(masters) == 1 && pids[0] == masters[0].PID && harness.IsOf(pids[0], c.Bin)
		if serves {
			c.Master = pids[0]
		}
		return serves && len(c.outcomes()) > 0
	}
	// It takes a moment to notice a death.
	if !harness.HoldsWithin(harness.UpgradeBound, func() bool {
		if !over() {
			return false
		}
		harness.Passed(20 * time.Millisecond)
		return over()
	}) {
		c.T.Fatalf("%s: neither served nor over; shepherd has ended: %v, pidfile %q, processes %v\n%s", what, c.HasExited(), harness.ReadString(c.Pidfile), c.Procs(),
			c.lately())
	}
	return serves
}

// survive checks that all sessions have survived except those of the killed
// process.
func (c *upgradeChaos) survive(killed int, what string) {
	c.T.Helper()
	var held []*streamer
	for _, h := range c.held {
		if h.pid == killed && killed != 0 {
			if err := harness.HungUp(h.c); err != nil {
				c.T.Errorf("%s: the killed session of %s: %v", what, h.peer, err)
			}
			if !c.orphan[h] { // then no process is left to write it
				c.ended = append(c.ended, h)
			}
			continue
		}
		h.c.SetDeadline(time.Now().Add(harness.TalkBound))
		if err := harness.Ping(h.c); err != nil {
			c.T.Errorf("%s: the session of %s, carried by %d: %v", what, h.peer, h.pid, err)
		}
		h.bytes++
		held = append(held, h)
	}
	c.held = held
}

// lately is this round's log without the lines about sessions.
func (c *upgradeChaos) lately() string {
	var b strings.Builder
	for line := range strings.Lines(c.Errors()[c.from:]) {
		if !strings.Contains(line, "session ended") && !strings.Contains(line, "worker started") {
			b.WriteString(line)
		}
	}
	return harness.Tail(b.String(), 6000)
}

// outcomes are the log lines of this round that say how an upgrade has ended.
func (c *upgradeChaos) outcomes() (lines []string) {
	for line := range strings.Lines(c.Errors()[c.from:]) {
		if regexp.MustCompile(harness.SaidUpgraded + "|" + harness.SaidFailed).MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// recorded checks that each ended session has exactly one line.
func (c *upgradeChaos) recorded(what string) {
	c.T.Helper()
	var faults []string
	if !harness.HoldsWithin(harness.NormalWait, func() bool {
		byPeer := map[string][]harness.SessionLine{}
		for _, l := range harness.ParseSessions(c.T, c.Sessions) {
			byPeer[l.Peer] = append(byPeer[l.Peer], l)
		}
		faults = nil
		for _, h := range c.ended {
			if l := byPeer[h.peer]; len(l) != 1 || l[0].PID != h.pid || l[0].In != h.bytes || l[0].Out != h.bytes {
				faults = append(faults, fmt.Sprintf("the session of %s, carried by %d, %d bytes: lines %v", h.peer, h.pid, h.bytes, l))
			}
		}
		return len(faults) == 0
	}) {
		c.T.Errorf("%s: %s", what, strings.Join(faults, "\n"))
	}
}
