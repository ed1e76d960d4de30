// Tests of causes from the master's side: admins, limits, upgrades.

package test

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// reasoned is a plug with few workers that logs in JSON, with a session that
// the test controls and whose target has answered.
func reasoned(t *testing.T, mode string, args ...string) (p *harness.Plug, client *net.TCPConn) {
	t.Helper()
	p = harness.Start(t, mode, append(append(harness.FewWorkers(mode), "-d", "--log-format", "json"), append(args, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)...)
	client = harness.Dial(t, p.Addr())
	harness.MustPing(t, client)
	return p, client
}

// Sessions that an admin or the master's own timeout ends.
func TestCausesOfAMaster(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		args   []string
		signal syscall.Signal
		want   harness.Why
	}{
		"INT":          {nil, syscall.SIGINT, harness.Why{Code: "AR", Cause: "admin", State: begun, Outcome: "ended by admin", Status: 4, Connected: true, Answered: true}},
		"QUIT's time":  {[]string{"--drain-timeout", "100ms"}, syscall.SIGQUIT, harness.Why{Code: "MR", Cause: "master", State: begun, Outcome: "ended by admin", Status: 4, Connected: true, Answered: true}},
		"INT, in QUIT": {nil, 0, harness.Why{Code: "AR", Cause: "admin", State: begun, Outcome: "ended by admin", Status: 4, Connected: true, Answered: true}},
	} {
		t.Run(name, func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p, c := reasoned(t, mode, end.args...)
				s := end.signal
				if s == 0 {
					p.Signal(syscall.SIGQUIT)
					harness.Await(t, "the port to be free", harness.NormalWait, func() bool { return !harness.Listening(t, p.Port) })
					s = syscall.SIGINT
				}
				p.Signal(s)
				if err := harness.HungUp(c); err != nil {
					t.Error(err)
				}
				p.Wait(10 * time.Second)
				p.Because(1, end.want)
			})
		})
	}
}

// A session without a master: its worker gets TERM, and that is the cause.
func TestCauseOfAnOrphan(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, c := reasoned(t, mode)
		worker := p.Carrier(c)
		p.Signal(syscall.SIGTERM)
		p.Wait(10 * time.Second)
		p.Noticed()
		harness.MustPing(t, c) // so that it has been counted
		syscall.Kill(worker, syscall.SIGTERM)
		if err := harness.HungUp(c); err != nil {
			t.Error(err)
		}
		p.Because(1, harness.Why{Code: "SR", Cause: "signal 15", State: begun, Outcome: "ended by admin", Status: 4, Connected: true, Answered: true})
	})
}

// No descriptor for the target's socket for as long as a connect may take.
func TestCauseOfALimit(t *testing.T) {
	harness.LinuxEngineOnly(t, "it lets clients wait in the queue instead until it has descriptors for both sides")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := append(harness.SparesArgs(mode, 1), "-d", "--log-format", "json", "--connect-timeout", "300ms")
		p := harness.Start(t, mode, append(args, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		harness.NoDescriptors(t, p.ReadySpares(1)[0].PID, 1)
		if err := harness.HungUp(harness.Dial(t, p.Addr())); err != nil {
			t.Error(err)
		}
		p.Because(1, harness.Why{Code: "LC", Cause: "limit", State: "connecting", Outcome: "denied", Status: 4, Connected: false, Answered: false})
	})
}

// Without -d, JSON includes the ends only with -l; syslog and the session file
// get the same as always. A refused client has no session.
func TestCausesInJSON(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for _, c := range []struct {
			args []string
			ends int
		}{
			{[]string{"-l", "--log-format", "json"}, 1},
			{[]string{"-l"}, 0},
			{[]string{"--log-format", "json"}, 0},
		} {
			p := harness.Start(t, mode, append(append(harness.FewWorkers(mode), c.args...), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
			client := harness.Dial(t, p.Addr())
			harness.MustPing(t, client)
			if err := harness.Finish(client); err != nil {
				t.Fatal(err)
			}
			p.Lines(1)
			if lines := p.Ends(c.ends); c.ends == 1 {
				p.Because(1, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true})
				if lines[0].Level != "info" {
					t.Errorf("%+v is no line of level info", lines[0])
				}
			}
			if c.args[0] == "-l" {
				p.Syslog.Await(t, `\(\d+\): Complete\.`)
			}
			p.Stop()
			if c.ends == 0 && strings.Contains(p.Errors(), "session ended") {
				t.Errorf("%q: the log has %q", c.args, p.Errors())
			}
		}
		p := harness.Start(t, mode, append(harness.FewWorkers(mode), "-d", "--log-format", "json", "-a", "192.0.2.1", harness.Refusing(t))...)
		harness.HungUp(harness.Dial(t, p.Addr()))
		p.Syslog.Await(t, `\(\d+\): Connect from 127\.0\.0\.1 Refused\.`)
		p.Stop()
		p.Ends(0)
		p.Lines(0)
	})
}

// It is not known how an adopted worker has died; the stage of its session is
// on the board, in both of its versions.
func TestCausesAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		want     harness.Why
	}{
		{harness.ThisVersion, harness.NextVersion, harness.Why{Code: "WR", Cause: "worker", State: begun, Outcome: "killed", Status: 4, Connected: true, Answered: true}},
		{harness.OlderVersion, harness.NextVersion, harness.Why{Code: "WR", Cause: "worker", State: begun, Outcome: "killed", Status: 4, Connected: true, Answered: true}},
	} {
		t.Run(c.from, func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := harness.StartUpgradable(t, mode, c.from, append(harness.FewWorkers(mode), "--log-format", "json", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
				client := harness.Hold(t, p, 1)[0]
				worker := p.Carrier(client)
				p.Upgrade(c.to)
				harness.MustPing(t, client)
				syscall.Kill(worker, syscall.SIGKILL)
				harness.HungUp(client)
				p.Because(1, c.want)
				next := harness.Hold(t, p, 1)[0]
				if err := harness.Finish(next); err != nil {
					t.Error(err)
				}
				p.Because(2, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true})
			})
		})
	}
	t.Run("to an older one", func(t *testing.T) {
		p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, append(harness.FewWorkers("prefork"), "--log-format", "json", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		client := harness.Hold(t, p, 1)[0]
		p.Upgrade(harness.OlderVersion)
		if err := harness.Finish(client); err != nil {
			t.Error(err)
		}
		p.Because(1, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true}) // the worker's own record
	})
}
