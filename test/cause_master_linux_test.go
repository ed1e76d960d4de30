// Tests of causes from the master's side: admins, limits, upgrades.

package test

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reasoned is a plug with few workers that logs in JSON, with a session that
// the test controls and whose target has answered.
func reasoned(t *testing.T, mode string, args ...string) (p *plug, client *net.TCPConn) {
	t.Helper()
	p = start(t, mode, append(append(one(mode), "-d", "--log-format", "json"), append(args, serve(t, anywhere, echo).addr())...)...)
	client = dial(t, p.addr())
	mustPing(t, client)
	return p, client
}

// Sessions that an admin or the master's own timeout ends.
func TestCausesOfAMaster(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		args   []string
		signal syscall.Signal
		want   why
	}{
		"INT":          {nil, syscall.SIGINT, why{"AR", "admin", begun, "ended by admin", 4, true, true}},
		"QUIT's time":  {[]string{"--drain-timeout", "100ms"}, syscall.SIGQUIT, why{"MR", "master", begun, "ended by admin", 4, true, true}},
		"INT, in QUIT": {nil, 0, why{"AR", "admin", begun, "ended by admin", 4, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p, c := reasoned(t, mode, end.args...)
				s := end.signal
				if s == 0 {
					p.signal(syscall.SIGQUIT)
					await(t, "the port to be free", normalWait, func() bool { return !listening(t, p.port) })
					s = syscall.SIGINT
				}
				p.signal(s)
				if err := hungUp(c); err != nil {
					t.Error(err)
				}
				p.wait(10 * time.Second)
				p.because(1, end.want)
			})
		})
	}
}

// A session without a master: its worker gets TERM, and that is the cause.
func TestCauseOfAnOrphan(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p, c := reasoned(t, mode)
		worker := p.carrier(c)
		p.signal(syscall.SIGTERM)
		p.wait(10 * time.Second)
		p.noticed()
		mustPing(t, c) // so that it has been counted
		syscall.Kill(worker, syscall.SIGTERM)
		if err := hungUp(c); err != nil {
			t.Error(err)
		}
		p.because(1, why{"SR", "signal 15", begun, "ended by admin", 4, true, true})
	})
}

// No descriptor for the target's socket for as long as a connect may take.
func TestCauseOfALimit(t *testing.T) {
	linuxEngineOnly(t, "it lets clients wait in the queue instead until it has descriptors for both sides")
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		args := append(sparesArgs(mode, 1), "-d", "--log-format", "json", "--connect-timeout", "300ms")
		p := start(t, mode, append(args, serve(t, anywhere, echo).addr())...)
		noDescriptors(t, p.readySpares(1)[0].pid, 1)
		if err := hungUp(dial(t, p.addr())); err != nil {
			t.Error(err)
		}
		p.because(1, why{"LC", "limit", "connecting", "denied", 4, false, false})
	})
}

// Without -d, JSON includes the ends only with -l; syslog and the session file
// get the same as always. A refused client has no session.
func TestCausesInJSON(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for _, c := range []struct {
			args []string
			ends int
		}{
			{[]string{"-l", "--log-format", "json"}, 1},
			{[]string{"-l"}, 0},
			{[]string{"--log-format", "json"}, 0},
		} {
			p := start(t, mode, append(append(one(mode), c.args...), serve(t, anywhere, echo).addr())...)
			client := dial(t, p.addr())
			mustPing(t, client)
			if err := finish(client); err != nil {
				t.Fatal(err)
			}
			p.lines(1)
			if lines := p.ends(c.ends); c.ends == 1 {
				p.because(1, why{"C-", "client", "ended", "complete", 0, true, true})
				if lines[0].Level != "info" {
					t.Errorf("%+v is no line of level info", lines[0])
				}
			}
			if c.args[0] == "-l" {
				p.syslog.await(t, `\(\d+\): Complete\.`)
			}
			p.stop()
			if c.ends == 0 && strings.Contains(p.errors(), "session ended") {
				t.Errorf("%q: the log has %q", c.args, p.errors())
			}
		}
		p := start(t, mode, append(one(mode), "-d", "--log-format", "json", "-a", "192.0.2.1", refusing(t))...)
		hungUp(dial(t, p.addr()))
		p.syslog.await(t, `\(\d+\): Connect from 127\.0\.0\.1 Refused\.`)
		p.stop()
		p.ends(0)
		p.lines(0)
	})
}

// It is not known how an adopted worker has died; the stage of its session is
// on the board, in both of its versions.
func TestCausesAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		want     why
	}{
		{thisOne, nextOne, why{"WR", "worker", begun, "killed", 4, true, true}},
		{older, nextOne, why{"WR", "worker", begun, "killed", 4, true, true}},
	} {
		t.Run(c.from, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				p := startUpgradable(t, mode, c.from, append(one(mode), "--log-format", "json", serve(t, anywhere, echo).addr())...)
				client := hold(t, p, 1)[0]
				worker := p.carrier(client)
				p.upgrade(c.to)
				mustPing(t, client)
				syscall.Kill(worker, syscall.SIGKILL)
				hungUp(client)
				p.because(1, c.want)
				next := hold(t, p, 1)[0]
				if err := finish(next); err != nil {
					t.Error(err)
				}
				p.because(2, why{"C-", "client", "ended", "complete", 0, true, true})
			})
		})
	}
	t.Run("to an older one", func(t *testing.T) {
		p := startUpgradable(t, "prefork", thisOne, append(one("prefork"), "--log-format", "json", serve(t, anywhere, echo).addr())...)
		client := hold(t, p, 1)[0]
		p.upgrade(older)
		if err := finish(client); err != nil {
			t.Error(err)
		}
		p.because(1, why{"C-", "client", "ended", "complete", 0, true, true}) // the worker's own record
	})
}
