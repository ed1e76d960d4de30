// Upgrade tests: what the plug remembers goes on through upgrades.

package upgrade

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// What the plug knows about its clients and targets continues through upgrades
// to the previous version and back: affinity, rotation, failed marks,
// counters.
func TestUpgradeCarries(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		down := harness.Refusing(t)
		addrs := append(harness.ThreeTargets(t), down)
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, append([]string{"-f"}, addrs...)...)
		clients := map[string]string{}
		newcomers := func() {
			for range 4 { // a cycle of three, plus one: this shows if the rotation starts again
				n := len(clients)
				at := fmt.Sprintf("127.7.0.%d", 1+n)
				clients[at] = harness.Greeting(t, at, p.Addr())
				if want := string("abc"[n%3]); clients[at] != want {
					t.Errorf("new client %d gets %q, the rotation's next is %s", n+1, clients[at], want)
				}
			}
		}
		newcomers()
		var back *harness.Backend // the failed target, which is good again and must not be tried
		sessions := len(clients)
		for i, version := range []string{harness.NextVersion, harness.OlderVersion, harness.OlderVersion, harness.ThisVersion, harness.NextVersion} {
			p.Upgrade(version)
			if back == nil {
				back = harness.Serve(t, down, harness.Greet("d"))
			}
			for at, target := range clients {
				if got := harness.Greeting(t, at, p.Addr()); got != target {
					t.Errorf("after %d upgrades, now %s: %s gets %q, was with %s", i+1, version, at, got, target)
				}
				sessions++
			}
			newcomers()
			sessions += 4
			p.Lines(sessions)
			marks := marks(p, len(addrs))
			var connects uint64
			for _, m := range marks {
				connects += m.connects
			}
			if d := marks[3]; d.failed == 0 || d.failures != 1 || connects != uint64(sessions)+1 {
				t.Errorf("after %d upgrades, now %s: %+v; want %d attempts, one of them at the last target, which failed", i+1, version, marks, sessions+1)
			}
		}
		if n := back.Accepted.Load(); n != 0 {
			t.Errorf("the failed target was tried %d times", n)
		}
	})
}

// mark is what the board says about a target.
type mark struct{ failed, connects, failures uint64 }

// marks are those on the newest board. Its header says where they lie: these
// offsets never change, since masters of other versions read them.
func marks(p *harness.Plug, n int) (marks []mark) {
	p.T.Helper()
	const generationAt, marksAt, sizeAt = 12, 40, 48
	newest := uint32(0)
	for fd, link := range harness.Descriptors(p.Master) {
		if !strings.HasPrefix(link, "/memfd:plug-state") {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fd/%d", p.Master, fd))
		if len(b) < 4096 {
			continue // a generation that is just being removed
		}
		if err != nil {
			p.T.Fatalf("board: %d bytes, %v", len(b), err)
		}
		word := func(at uint64) uint64 { return binary.NativeEndian.Uint64(b[at:]) }
		if g := binary.NativeEndian.Uint32(b[generationAt:]); g > newest {
			newest, marks = g, nil
			for i := range uint64(n) {
				at := word(marksAt) + i*word(sizeAt)
				marks = append(marks, mark{word(at), word(at + 8), word(at + 16)})
			}
		}
	}
	if marks == nil {
		p.T.Fatal("no board")
	}
	return marks
}

// Affinity expires at the same time as without upgrades.
func TestUpgradeStickyTimeoutGoesOn(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, append([]string{"-f", "-t", "3"}, harness.ThreeTargets(t)...)...)
		if got := harness.Greeting(t, "127.8.0.1", p.Addr()); got != "a" {
			t.Fatalf("first client gets %s", got)
		}
		first := time.Now()
		for i := range 2 { // an upgrade must not make it younger
			harness.Passed(time.Second)
			p.Upgrade([]string{harness.OlderVersion, harness.NextVersion}[i])
		}
		harness.Passed(time.Until(first.Add(4200 * time.Millisecond)))
		if got := harness.Greeting(t, "127.8.0.1", p.Addr()); got != "b" {
			t.Errorf("4 s after its last attempt, with -t 3, the client gets %q, not the rotation's next", got)
		}
	})
}

// A failed target is tried again after -r seconds; an upgrade neither shortens
// nor extends that.
func TestUpgradeRetryAfterGoesOn(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		down := harness.Refusing(t)
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, "-r", "4", down, harness.Serve(t, harness.Anywhere, harness.Greet("up")).Addr())
		if got := harness.Greeting(t, "", p.Addr()); got != "up" {
			t.Fatalf("first client gets %q", got)
		}
		failed := time.Now()
		back := harness.Serve(t, down, harness.Greet("down"))
		p.Upgrade(harness.OlderVersion)
		p.Upgrade(harness.NextVersion)
		for time.Since(failed) < 3*time.Second {
			if got := harness.Greeting(t, "", p.Addr()); got != "up" {
				t.Fatalf("%v after its failure the target is tried again", time.Since(failed))
			}
			harness.Passed(50 * time.Millisecond)
		}
		harness.Await(t, "the failed target to be tried again", 4*time.Second, func() bool { return harness.Greeting(t, "", p.Addr()) == "down" })
		if back.Accepted.Load() == 0 {
			t.Error("nobody was there")
		}
	})
}

// A paused plug stays paused, with its clients in the queue.
func TestUpgradePaused(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		b := harness.Serve(t, harness.Anywhere, harness.Echo)
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, b.Addr())
		held := harness.Hold(t, p, 2)
		p.Signal(syscall.SIGTTOU)
		harness.Await(t, "the pause", harness.NormalWait, func() bool { return len(p.Said(`accepting: paused=true`)) == 1 })
		// A worker that was about to accept may still do it; clients that wait
		// now continue to wait.
		w := harness.QueueClients(t, p, 4)
		var waits []int
		for i, c := range w.Conns {
			c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				waits = append(waits, i)
			}
		}
		if len(waits) == 0 {
			t.Fatal("no client waits")
		}
		accepted := b.Accepted.Load()
		for _, version := range []string{harness.NextVersion, harness.OlderVersion, harness.ThisVersion} {
			p.Upgrade(version)
		}
		for _, c := range held {
			harness.MustPing(t, c)
		}
		for _, i := range waits {
			w.Conns[i].SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			if _, err := w.Conns[i].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a client of a paused plug, after upgrades: %v", err)
			}
		}
		if n := b.Accepted.Load(); n != accepted {
			t.Errorf("%d sessions began while paused", n-accepted)
		}
		p.Signal(syscall.SIGTTIN)
		for _, i := range waits {
			w.Conns[i].SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := w.Conns[i].Read(make([]byte, 1)); err != nil {
				t.Errorf("after resuming, a client that waited: %v", err)
			}
		}
	})
}

// If the session file was rotated, adopted workers also write to the new file,
// and the lines of killed ones go there, too.
func TestUpgradeSessionFileRotated(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 4)
		pids := p.CarriersOf(held)
		p.Upgrade(harness.NextVersion)
		if err := os.Rename(p.Sessions, p.Sessions+".1"); err != nil {
			t.Fatal(err)
		}
		p.Signal(syscall.SIGUSR1)
		// A worker that is told of the new file while its session ends may
		// write to the old one.
		ended := 0
		harness.Await(t, "a line in the new session file", harness.NormalWait, func() bool {
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			harness.Finish(c)
			ended++
			return harness.HoldsWithin(200*time.Millisecond, func() bool { return len(harness.ParseSessions(t, p.Sessions)) > 0 })
		})
		before := len(harness.ParseSessions(t, p.Sessions+".1"))
		syscall.Kill(pids[0], syscall.SIGKILL)
		for i, c := range held {
			if pids[i] == pids[0] {
				harness.HungUp(c)
			} else {
				harness.Finish(c)
			}
			ended++
		}
		lines := p.Lines(ended - before)
		for _, pid := range pids {
			if !slices.ContainsFunc(lines, func(l harness.SessionLine) bool { return l.PID == pid }) {
				t.Errorf("no line of adopted worker %d: %v", pid, lines)
			}
		}
		if late := len(harness.ParseSessions(t, p.Sessions+".1")) - before; late != 0 {
			t.Errorf("%d lines more went to the rotated file", late)
		}
	})
}
