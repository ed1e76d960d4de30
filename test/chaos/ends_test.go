// Tests with very many sessions: the master, or everything, is killed.

package chaos

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// kill $(cat pidfile) with very many sessions: each leaves its line, nothing
// runs after a second, and the port is free.
func TestChaosKillAllOfPidfile(t *testing.T) {
	n := harness.Scaled(500, 100)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, n)
		p.Lists(held)
		p.Hurry()
		began := time.Now()
		shell := exec.Command("/bin/sh", "-c", "kill $(cat "+p.Pidfile+")")
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		harness.Await(t, "the end of every process", 20*time.Second, func() bool { return len(p.Procs()) == 0 })
		took := time.Since(began)
		t.Logf("%d sessions: nothing runs after %v", n, took)
		if took > time.Second {
			t.Errorf("something ran for %v, not for a second at most", took)
		}
		if harness.Listening(t, p.Port) {
			t.Error("the port is not free")
		}
		if _, err := os.Stat(p.Pidfile); !os.IsNotExist(err) {
			t.Errorf("the pidfile is still there: %v", err)
		}
		for _, c := range held {
			harness.HungUp(c)
		}
		for _, l := range p.Lines(n) {
			if l.In != 1 || l.Out != 1 {
				t.Errorf("session line %+v", l)
			}
		}
	})
}

// The master is killed by SIGKILL under very many sessions: they continue and
// leave their lines; a new one on the same port and pidfile serves within a
// second.
func TestChaosMasterKilled(t *testing.T) {
	n := harness.Scaled(1000, 150)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.StartDaemon(t, mode, target)
		held := harness.Hold(t, p, n)
		old := p.Master
		p.Signal(syscall.SIGKILL)
		p.MasterGone(5 * time.Second)
		p.Hurry()

		began := time.Now()
		p.Detach()
		took := time.Since(began)
		t.Logf("beside %d sessions of a killed master the next one serves after %v", n, took)
		if took > time.Second {
			t.Errorf("it needed %v, not a second at most", took)
		}
		if p.Master == old {
			t.Fatal("the pidfile still names the killed master")
		}
		fresh := harness.Hold(t, p, 10)
		for i, c := range held {
			c.SetDeadline(time.Now().Add(harness.TalkBound))
			harness.Both(t,
				func() error { return harness.Send(c, uint64(i), 10_000) },
				func() error { return harness.Receive(c, uint64(i), 10_000) })
		}
		for _, l := range p.Lines(n) {
			if l.In != 10_001 || l.Out != 10_001 {
				t.Errorf("session line %+v", l)
			}
		}
		harness.Await(t, "the end of the killed master's workers", harness.LongWait, func() bool {
			for _, w := range p.Workers() {
				if w.PPID != p.Master {
					return false
				}
			}
			return true
		})
		for _, c := range fresh {
			if err := harness.Finish(c); err != nil {
				t.Error(err)
			}
		}
		p.Lines(n + 10)
	})
}

// TERM to a worker without a master ends its sessions. It writes their lines
// itself, since there is no master to write them.
func TestChaosTermOfOrphan(t *testing.T) {
	t.Parallel()
	harness.LinuxEngineOnly(t, "nothing that can be seen from outside tells when its TERM handler is there")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartDaemon(t, mode, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
		held := harness.Hold(t, p, 6)
		p.Lists(held)
		p.Signal(syscall.SIGKILL)
		p.MasterGone(5 * time.Second)
		p.Noticed()
		for _, c := range held {
			harness.MustPing(t, c) // so that it has been counted
		}
		for _, w := range p.Procs() {
			syscall.Kill(w.PID, syscall.SIGTERM)
		}
		for _, c := range held {
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the end of an orphan's session: %v, not a reset", err)
			}
		}
		p.Gone(5 * time.Second)
		for _, l := range p.Lines(6) {
			if l.In != 2 || l.Out != 2 {
				t.Errorf("session line %+v", l)
			}
		}
	})
}
