// Upgrade tests: what the plug remembers goes on through upgrades.

package test

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
)

// What the plug knows about its clients and targets continues through upgrades
// to the previous version and back: affinity, rotation, failed marks,
// counters.
func TestUpgradeCarries(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		down := refusing(t)
		addrs := append(three(t), down)
		p := startUpgradable(t, mode, thisOne, append([]string{"-f"}, addrs...)...)
		clients := map[string]string{}
		newcomers := func() {
			for range 4 { // a cycle of three, plus one: this shows if the rotation starts again
				n := len(clients)
				at := fmt.Sprintf("127.7.0.%d", 1+n)
				clients[at] = greeting(t, at, p.addr())
				if want := string("abc"[n%3]); clients[at] != want {
					t.Errorf("new client %d gets %q, the rotation's next is %s", n+1, clients[at], want)
				}
			}
		}
		newcomers()
		var back *backend // the failed target, which is good again and must not be tried
		sessions := len(clients)
		for i, version := range []string{nextOne, older, older, thisOne, nextOne} {
			p.upgrade(version)
			if back == nil {
				back = serve(t, down, greet("d"))
			}
			for at, target := range clients {
				if got := greeting(t, at, p.addr()); got != target {
					t.Errorf("after %d upgrades, now %s: %s gets %q, was with %s", i+1, version, at, got, target)
				}
				sessions++
			}
			newcomers()
			sessions += 4
			p.lines(sessions)
			marks := p.marks(len(addrs))
			var connects uint64
			for _, m := range marks {
				connects += m.connects
			}
			if d := marks[3]; d.failed == 0 || d.failures != 1 || connects != uint64(sessions)+1 {
				t.Errorf("after %d upgrades, now %s: %+v; want %d attempts, one of them at the last target, which failed", i+1, version, marks, sessions+1)
			}
		}
		if n := back.accepted.Load(); n != 0 {
			t.Errorf("the failed target was tried %d times", n)
		}
	})
}

// mark is what the board says about a target.
type mark struct{ failed, connects, failures uint64 }

// marks are those on the newest board. Its header says where they lie: these
// offsets never change, since masters of other versions read them.
func (p *plug) marks(n int) (marks []mark) {
	p.t.Helper()
	const generationAt, marksAt, sizeAt = 12, 40, 48
	newest := uint32(0)
	for fd, link := range descriptors(p.master) {
		if !strings.HasPrefix(link, "/memfd:plug-state") {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fd/%d", p.master, fd))
		if len(b) < 4096 {
			continue // a generation that is just being removed
		}
		if err != nil {
			p.t.Fatalf("board: %d bytes, %v", len(b), err)
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
		p.t.Fatal("no board")
	}
	return marks
}

// Affinity expires at the same time as without upgrades.
func TestUpgradeStickyTimeoutGoesOn(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, append([]string{"-f", "-t", "3"}, three(t)...)...)
		if got := greeting(t, "127.8.0.1", p.addr()); got != "a" {
			t.Fatalf("first client gets %s", got)
		}
		first := time.Now()
		for i := range 2 { // an upgrade must not make it younger
			passed(time.Second)
			p.upgrade([]string{older, nextOne}[i])
		}
		passed(time.Until(first.Add(4200 * time.Millisecond)))
		if got := greeting(t, "127.8.0.1", p.addr()); got != "b" {
			t.Errorf("4 s after its last attempt, with -t 3, the client gets %q, not the rotation's next", got)
		}
	})
}

// A failed target is tried again after -r seconds; an upgrade neither shortens
// nor extends that.
func TestUpgradeRetryAfterGoesOn(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		down := refusing(t)
		p := startUpgradable(t, mode, thisOne, "-r", "4", down, serve(t, anywhere, greet("up")).addr())
		if got := greeting(t, "", p.addr()); got != "up" {
			t.Fatalf("first client gets %q", got)
		}
		failed := time.Now()
		back := serve(t, down, greet("down"))
		p.upgrade(older)
		p.upgrade(nextOne)
		for time.Since(failed) < 3*time.Second {
			if got := greeting(t, "", p.addr()); got != "up" {
				t.Fatalf("%v after its failure the target is tried again", time.Since(failed))
			}
			passed(50 * time.Millisecond)
		}
		await(t, "the failed target to be tried again", 4*time.Second, func() bool { return greeting(t, "", p.addr()) == "down" })
		if back.accepted.Load() == 0 {
			t.Error("nobody was there")
		}
	})
}

// A paused plug stays paused, with its clients in the queue.
func TestUpgradePaused(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		b := serve(t, anywhere, echo)
		p := startUpgradable(t, mode, thisOne, b.addr())
		held := hold(t, p, 2)
		p.signal(syscall.SIGTTOU)
		await(t, "the pause", normalWait, func() bool { return len(p.said(`accepting: paused=true`)) == 1 })
		// A worker that was about to accept may still do it; clients that wait
		// now continue to wait.
		w := queue(t, p, 4)
		var waits []int
		for i, c := range w.conns {
			c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				waits = append(waits, i)
			}
		}
		if len(waits) == 0 {
			t.Fatal("no client waits")
		}
		accepted := b.accepted.Load()
		for _, version := range []string{nextOne, older, thisOne} {
			p.upgrade(version)
		}
		for _, c := range held {
			mustPing(t, c)
		}
		for _, i := range waits {
			w.conns[i].SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			if _, err := w.conns[i].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a client of a paused plug, after upgrades: %v", err)
			}
		}
		if n := b.accepted.Load(); n != accepted {
			t.Errorf("%d sessions began while paused", n-accepted)
		}
		p.signal(syscall.SIGTTIN)
		for _, i := range waits {
			w.conns[i].SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := w.conns[i].Read(make([]byte, 1)); err != nil {
				t.Errorf("after resuming, a client that waited: %v", err)
			}
		}
	})
}

// If the session file was rotated, adopted workers also write to the new file,
// and the lines of killed ones go there, too.
func TestUpgradeSessionFileRotated(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		p := startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr())
		held := hold(t, p, 4)
		pids := p.carriersOf(held)
		p.upgrade(nextOne)
		if err := os.Rename(p.sessions, p.sessions+".1"); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGUSR1)
		// A worker that is told of the new file while its session ends may
		// write to the old one.
		ended := 0
		await(t, "a line in the new session file", normalWait, func() bool {
			c := dial(t, p.addr())
			mustPing(t, c)
			finish(c)
			ended++
			return holdsWithin(200*time.Millisecond, func() bool { return len(parseSessions(t, p.sessions)) > 0 })
		})
		before := len(parseSessions(t, p.sessions+".1"))
		syscall.Kill(pids[0], syscall.SIGKILL)
		for i, c := range held {
			if pids[i] == pids[0] {
				hungUp(c)
			} else {
				finish(c)
			}
			ended++
		}
		lines := p.lines(ended - before)
		for _, pid := range pids {
			if !slices.ContainsFunc(lines, func(l sessionLine) bool { return l.pid == pid }) {
				t.Errorf("no line of adopted worker %d: %v", pid, lines)
			}
		}
		if late := len(parseSessions(t, p.sessions+".1")) - before; late != 0 {
			t.Errorf("%d lines more went to the rotated file", late)
		}
	})
}
