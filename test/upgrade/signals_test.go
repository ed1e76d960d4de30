// Upgrade tests: signals during an upgrade.

package upgrade

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Two USR2 at the same time are one upgrade, possibly followed by another;
// they do not interfere with each other.
func TestUpgradeAskedTwice(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := holdStreams(t, p, 5)
		held.carried(p)
		load := startLoad(t, p.Addr(), 2)
		rng := harness.Random(t)
		for i := range harness.Count(100) {
			version := []string{harness.NextVersion, harness.ThisVersion}[i%2]
			p.Install(harness.Stamped(t, version))
			told := func() int {
				return len(p.Said(harness.SaidUpgraded)) + len(p.Said(`upgrade refused: reason="an upgrade is already in progress"`))
			}
			before, asked := told(), 2+rng.IntN(3)
			old := p.Master
			for range asked {
				syscall.Kill(old, syscall.SIGUSR2) // pending signals are merged
				harness.Passed(time.Duration(rng.IntN(4)) * time.Millisecond)
			}
			p.Succeeded()
			if harness.VersionOf(t, p.Master) != version {
				// The last of the previous ones had begun when this version
				// did not exist yet.
				syscall.Kill(p.Master, syscall.SIGUSR2)
				p.Replaced(version)
			}
			if !harness.HoldsWithin(harness.NormalWait, func() bool { return told() > before }) { // the log is not written by the loop
				t.Error("the log tells of no upgrade")
			}
			if failed := p.Said(harness.SaidFailed); len(failed) > 0 {
				t.Fatalf("after %d USR2 at once: %s", asked, failed[0])
			}
			// The last of them may have been for the new master.
			harness.Await(t, "no upgrade to be under way", harness.UpgradeBound, func() bool {
				n := len(mastersOf(p))
				if pids, err := harness.ReadPidfile(p.Pidfile); err == nil {
					p.Master = pids[0]
				}
				return n == 2 && harness.IsOf(p.Master, p.Bin)
			})
		}
		load.end()
		if err := load.faults(); err != nil {
			t.Error(err)
		}
		if err := held.end(); err != nil {
			t.Error(err)
		}
		if err := held.recorded(p.Lines(len(held.all) + load.sessions())); err != nil {
			t.Error(err)
		}
	})
}

// TERM, INT and QUIT during an upgrade end both masters, at whatever moment:
// the port is free, the pidfile gone, and only the processes of continuing
// sessions are left.
func TestUpgradeAborted(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		rng := harness.Random(t)
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		for i := range harness.Count(60) {
			p := harness.StartUpgradable(t, mode, harness.ThisVersion, target)
			held := harness.Hold(t, p, 3)
			p.Install(harness.Stamped(t, harness.NextVersion))
			s := []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}[rng.IntN(4)]
			wait := time.Duration(rng.IntN(120)) * time.Millisecond
			p.Signal(syscall.SIGUSR2)
			harness.Passed(wait)
			p.Signal(s)
			if s == syscall.SIGQUIT {
				for _, c := range held {
					harness.MustPing(t, c)
					harness.Finish(c)
				}
			}
			what := fmt.Sprintf("round %d, %v %v after USR2", i, s, wait)
			if !harness.HoldsWithin(harness.LongWait, p.HasExited) {
				t.Fatalf("%s: the shepherd goes on; %v", what, p.Procs())
			}
			if p.Code() != 0 {
				t.Errorf("%s: exit code %d", what, p.Code())
			}
			if harness.Listening(t, p.Port) {
				t.Errorf("%s: the port is not free", what)
			}
			if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
				t.Errorf("%s: the pidfile is still there: %v", what, err)
			}
			if !harness.HoldsWithin(harness.NormalWait, func() bool { return len(mastersOf(p)) == 0 }) {
				t.Errorf("%s: a master is left: %v", what, mastersOf(p))
			}
			if s == syscall.SIGTERM {
				for _, c := range held {
					harness.MustPing(t, c)
					harness.Finish(c)
				}
			}
			p.Gone(5 * time.Second)
			p.Lines(3)
			if t.Failed() {
				return
			}
			p.Cmd = nil // there is nothing to stop
		}
	})
}

// TTOU and TTIN during an upgrade are obeyed by the current master, at any
// time. Each old master's last message is in the log.
func TestUpgradeAndPause(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		rng := harness.Random(t)
		rounds := harness.Count(100)
		for range rounds {
			upgradeAnd := func(version string, s syscall.Signal) {
				p.Install(harness.Stamped(t, version))
				p.Signal(syscall.SIGUSR2)
				harness.Passed(time.Duration(rng.IntN(60)) * time.Millisecond)
				p.Signal(s)
				p.Replaced(version)
			}
			upgradeAnd(harness.NextVersion, syscall.SIGTTOU)
			waiting := p.Waits()
			upgradeAnd(harness.ThisVersion, syscall.SIGTTIN)
			harness.IsServed(t, waiting)
			harness.Finish(waiting)
		}
		if n := len(p.Said(`plug: upgrade complete: `)); n != 2*rounds {
			t.Errorf("%d of %d upgrades are said to be done", n, 2*rounds)
		}
	})
}

// USR2 while very many workers are being started for very many clients: each
// client is served.
func TestUpgradeWhileSpawning(t *testing.T) {
	n := harness.Count(500)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := []string{"--spares", fmt.Sprintf("2:%d", n), "--max-workers", fmt.Sprint(3 * n), harness.Serve(t, harness.Anywhere, harness.Echo).Addr()}
		if mode == "pool" {
			args = args[4:]
		}
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, args...)
		p.Hurry()
		for i := range 3 {
			version := []string{harness.NextVersion, harness.ThisVersion}[i%2]
			p.Install(harness.Stamped(t, version))
			arrived := make(chan error, n)
			conns := make(chan *net.TCPConn, n)
			for range n {
				go func() {
					c, err := harness.DialFrom("", p.Addr())
					if err == nil {
						conns <- c
						c.SetDeadline(time.Now().Add(time.Minute))
						err = harness.Ping(c)
					}
					arrived <- err
				}()
			}
			p.Signal(syscall.SIGUSR2)
			p.Replaced(version)
			for range n {
				if err := <-arrived; err != nil {
					t.Fatalf("round %d: a client that came with USR2: %v", i, err)
				}
			}
			close(conns)
			for c := range conns {
				harness.MustPing(t, c)
				if err := harness.Finish(c); err != nil {
					t.Fatal(err)
				}
			}
			p.Lines((i + 1) * n)
		}
	})
}

// The reason for a failed upgrade cannot go to a terminal that is gone: a
// daemon logs it to syslog, with the master's PID.
func TestUpgradeOfDaemonFails(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 2)
		runImpostor(p, script{Until: "freeze", Then: "killed"})
		p.Signal(syscall.SIGUSR2)
		r := p.Syslog.Await(t, regexp.QuoteMeta(fmt.Sprintf("(%d)", p.Port))+`: upgrade failed; nothing has changed.*`)
		if r.PID != p.Master || r.Priority != harness.DaemonErr || !strings.Contains(r.Text, "killed") && !strings.Contains(r.Text, "signal") {
			t.Errorf("%v", r)
		}
		for _, c := range held {
			harness.MustPing(t, c)
		}
		p.Upgrade(harness.NextVersion)
		for _, c := range held {
			harness.MustPing(t, c)
		}
	})
}
