// Upgrade tests: signals during an upgrade.

package test

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Two USR2 at the same time are one upgrade, possibly followed by another;
// they do not interfere with each other.
func TestUpgradeAskedTwice(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr())
		held := holdStreams(t, p, 5)
		held.carried(p)
		load := startLoad(t, p.addr(), 2)
		rng := random(t)
		for i := range count(100) {
			version := []string{nextOne, thisOne}[i%2]
			p.install(stampedWith(t, version))
			told := func() int {
				return len(p.said(saidUpgraded)) + len(p.said(`upgrade refused: reason="an upgrade is already in progress"`))
			}
			before, asked := told(), 2+rng.IntN(3)
			old := p.master
			for range asked {
				syscall.Kill(old, syscall.SIGUSR2) // pending signals are merged
				passed(time.Duration(rng.IntN(4)) * time.Millisecond)
			}
			p.succeeded()
			if versionOf(t, p.master) != version {
				// The last of the previous ones had begun when this version
				// did not exist yet.
				syscall.Kill(p.master, syscall.SIGUSR2)
				p.replaced(version)
			}
			if !holdsWithin(normalWait, func() bool { return told() > before }) { // the log is not written by the loop
				t.Error("the log tells of no upgrade")
			}
			if failed := p.said(saidFailed); len(failed) > 0 {
				t.Fatalf("after %d USR2 at once: %s", asked, failed[0])
			}
			// The last of them may have been for the new master.
			await(t, "no upgrade to be under way", upgradeBound, func() bool {
				n := len(p.masters())
				if pids, err := readPidfile(p.pidfile); err == nil {
					p.master = pids[0]
				}
				return n == 2 && isOf(p.master, p.bin)
			})
		}
		load.end()
		if err := load.faults(); err != nil {
			t.Error(err)
		}
		if err := held.end(); err != nil {
			t.Error(err)
		}
		if err := held.recorded(p.lines(len(held.all) + load.sessions())); err != nil {
			t.Error(err)
		}
	})
}

// TERM, INT and QUIT during an upgrade end both masters, at whatever moment:
// the port is free, the pidfile gone, and only the processes of continuing
// sessions are left.
func TestUpgradeAborted(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		rng := random(t)
		target := serve(t, anywhere, echo).addr()
		for i := range count(60) {
			p := startUpgradable(t, mode, thisOne, target)
			held := hold(t, p, 3)
			p.install(stampedWith(t, nextOne))
			s := []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}[rng.IntN(4)]
			wait := time.Duration(rng.IntN(120)) * time.Millisecond
			p.signal(syscall.SIGUSR2)
			passed(wait)
			p.signal(s)
			if s == syscall.SIGQUIT {
				for _, c := range held {
					mustPing(t, c)
					finish(c)
				}
			}
			what := fmt.Sprintf("round %d, %v %v after USR2", i, s, wait)
			if !holdsWithin(longWait, p.hasExited) {
				t.Fatalf("%s: the shepherd goes on; %v", what, p.procs())
			}
			if p.code() != 0 {
				t.Errorf("%s: exit code %d", what, p.code())
			}
			if listening(t, p.port) {
				t.Errorf("%s: the port is not free", what)
			}
			if _, err := os.Stat(p.pidfile); !os.IsNotExist(err) {
				t.Errorf("%s: the pidfile is still there: %v", what, err)
			}
			if !holdsWithin(normalWait, func() bool { return len(p.masters()) == 0 }) {
				t.Errorf("%s: a master is left: %v", what, p.masters())
			}
			if s == syscall.SIGTERM {
				for _, c := range held {
					mustPing(t, c)
					finish(c)
				}
			}
			p.gone(5 * time.Second)
			p.lines(3)
			if t.Failed() {
				return
			}
			p.cmd = nil // there is nothing to stop
		}
	})
}

// TTOU and TTIN during an upgrade are obeyed by the current master, at any
// time. Each old master's last message is in the log.
func TestUpgradeAndPause(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, serve(t, anywhere, echo).addr())
		rng := random(t)
		rounds := count(100)
		for range rounds {
			upgradeAnd := func(version string, s syscall.Signal) {
				p.install(stampedWith(t, version))
				p.signal(syscall.SIGUSR2)
				passed(time.Duration(rng.IntN(60)) * time.Millisecond)
				p.signal(s)
				p.replaced(version)
			}
			upgradeAnd(nextOne, syscall.SIGTTOU)
			waiting := p.waits()
			upgradeAnd(thisOne, syscall.SIGTTIN)
			isServed(t, waiting)
			finish(waiting)
		}
		if n := len(p.said(`plug: upgrade complete: `)); n != 2*rounds {
			t.Errorf("%d of %d upgrades are said to be done", n, 2*rounds)
		}
	})
}

// USR2 while very many workers are being started for very many clients: each
// client is served.
func TestUpgradeWhileSpawning(t *testing.T) {
	n := count(500)
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := []string{"--spares", fmt.Sprintf("2:%d", n), "--max-workers", fmt.Sprint(3 * n), serve(t, anywhere, echo).addr()}
		if mode == "pool" {
			args = args[4:]
		}
		p := startUpgradable(t, mode, thisOne, args...)
		p.hurry()
		for i := range 3 {
			version := []string{nextOne, thisOne}[i%2]
			p.install(stampedWith(t, version))
			arrived := make(chan error, n)
			conns := make(chan *net.TCPConn, n)
			for range n {
				go func() {
					c, err := dialFrom("", p.addr())
					if err == nil {
						conns <- c
						c.SetDeadline(time.Now().Add(time.Minute))
						err = ping(c)
					}
					arrived <- err
				}()
			}
			p.signal(syscall.SIGUSR2)
			p.replaced(version)
			for range n {
				if err := <-arrived; err != nil {
					t.Fatalf("round %d: a client that came with USR2: %v", i, err)
				}
			}
			close(conns)
			for c := range conns {
				mustPing(t, c)
				if err := finish(c); err != nil {
					t.Fatal(err)
				}
			}
			p.lines((i + 1) * n)
		}
	})
}

// The reason for a failed upgrade cannot go to a terminal that is gone: a
// daemon logs it to syslog, with the master's PID.
func TestUpgradeOfDaemonFails(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startDaemon(t, mode, serve(t, anywhere, echo).addr())
		held := hold(t, p, 2)
		p.impostor(script{Until: "freeze", Then: "killed"})
		p.signal(syscall.SIGUSR2)
		r := p.syslog.await(t, regexp.QuoteMeta(fmt.Sprintf("(%d)", p.port))+`: upgrade failed; nothing has changed.*`)
		if r.pid != p.master || r.priority != daemonErr || !strings.Contains(r.text, "killed") && !strings.Contains(r.text, "signal") {
			t.Errorf("%v", r)
		}
		for _, c := range held {
			mustPing(t, c)
		}
		p.upgrade(nextOne)
		for _, c := range held {
			mustPing(t, c)
		}
	})
}
