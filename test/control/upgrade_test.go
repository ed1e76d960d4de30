// Tests of upgrade on the control socket.

package control

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// upgradesBy upgrades the plug through its control socket, and checks the new
// master's PID.
func upgradesBy(p *harness.Plug, version string) {
	p.T.Helper()
	p.Install(harness.Stamped(p.T, version))
	r := p.Asks("upgrade", nil)
	if r.Status == nil || !strings.Contains(r.Said, fmt.Sprintf("PID %d is now the master (version %s)", r.Status.PID, version)) {
		p.T.Fatalf("upgrade: %+v", r)
	}
	if r.Status.PID == p.Master || r.Status.Build != version || r.Status.Phase != "running" {
		p.T.Fatalf("upgrade: %+v; the old master was %d", r.Status, p.Master)
	}
	if s := p.Asks("status", nil).Status; s.PID != r.Status.PID {
		p.T.Errorf("after the answer PID %d answers, not %d", s.PID, r.Status.PID)
	}
	p.Replaced(version)
	if p.Master != r.Status.PID {
		p.T.Fatalf("the pidfile has master %d, the answer had %d", p.Master, r.Status.PID)
	}
}

// askAllTheTime asks for the metrics until the returned function is called, which
// is how many answers there were; no counter may decrease.
func askAllTheTime(t *testing.T, p *harness.Plug) (answers func() int) {
	var stop atomic.Bool
	asked := make(chan int)
	go func() {
		n := 0
		var last harness.Metrics
		for !stop.Load() {
			r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "metrics"})
			switch {
			case err == nil && r.Again:
			case err != nil || r.Metrics == nil:
				t.Errorf("during upgrades: %+v, %v", r, err)
			default:
				n++
				if back := wentBack(&last, r.Metrics); back != "" {
					t.Errorf("during upgrades %s", back)
				}
				last = *r.Metrics
			}
		}
		asked <- n
	}()
	return func() int {
		stop.Store(true)
		return <-asked
	}
}

// sameSessions checks the sessions and the status after a number of upgrades: IDs
// stay, and new sessions go to the only target that may be chosen.
func sameSessions(t *testing.T, p *harness.Plug, upgrades int, ids map[string]string, target string) {
	t.Helper()
	for _, c := range harness.Hold(t, p, 3) {
		harness.Finish(c)
	}
	p.Lines(3 * upgrades)
	for _, s := range p.Asks("sessions", nil).Sessions {
		if id, ok := ids[s.Client]; ok && id != s.ID {
			t.Errorf("session %s became %s", id, s.ID)
		}
		if s.Target != target {
			t.Errorf("%+v is at a draining target", s)
		}
	}
	if s := p.Asks("status", nil).Status; s.Upgrades != uint64(upgrades) || s.Sessions != 5 || s.Accepted != uint64(5+3*upgrades) || s.Targets["draining"] != 1 {
		t.Errorf("after %d upgrades: %+v", upgrades, s)
	}
}

// Both masters answer an upgrade through the socket; the socket exists all the
// time; IDs, states and counters continue.
func TestControlUpgrade(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, b := harness.Serve(t, harness.Anywhere, harness.Echo).Addr(), harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(a, b)...)
		before := identity(t, p.Ctl())
		answers := askAllTheTime(t, p)
		p.Asks("target", harness.Fields{"target": b, "state": "draining"})
		held := harness.Hold(t, p, 5)
		ids := map[string]string{}
		for _, s := range p.Asks("sessions", nil).Sessions {
			ids[s.Client] = s.ID
		}
		for i, version := range []string{harness.NextVersion, harness.ThisVersion, harness.NextVersion} {
			upgradesBy(p, version)
			sameSessions(t, p, i+1, ids, a)
		}
		if n := answers(); n < 10 {
			t.Errorf("%d answers in all that time", n)
		}
		if after := identity(t, p.Ctl()); after != before {
			t.Errorf("the socket is another one: %v, was %v", after, before)
		}
		builds := map[string]int{}
		for _, w := range p.Asks("workers", nil).Workers {
			builds[w.Build]++
		}
		if builds[harness.ThisVersion] == 0 || builds[harness.NextVersion] == 0 || len(builds) != 2 {
			t.Errorf("workers by version: %v", builds)
		}
		ended := p.Asks("kill", harness.Fields{"filter": harness.Fields{"other_version": harness.NextVersion}})
		if len(ended.Sessions) != 5 {
			t.Errorf("%d sessions of the first version ended, want 5: %+v", len(ended.Sessions), ended)
		}
		for _, c := range held {
			if harness.Ping(c) == nil {
				t.Error("a session of the first version lives")
			}
		}
		p.Lines(14)
	})
}

// wentBack names a counter that has decreased.
func wentBack(last, now *harness.Metrics) string {
	for name, pair := range map[string][2]uint64{
		"accepted": {last.Accepted, now.Accepted}, "refused": {last.Refused, now.Refused}, "bytes in": {last.BytesIn, now.BytesIn},
		"bytes out": {last.BytesOut, now.BytesOut}, "spawns": {last.Spawns, now.Spawns}, "redispatches": {last.Redispatches, now.Redispatches},
		"durations": {last.Durations.Count(), now.Durations.Count()}, "connects": {last.Connects(), now.Connects()},
		"pidfile writes": {last.PidfileWrites, now.PidfileWrites}, "requests": {last.ControlRequests, now.ControlRequests},
		"complete": {last.Ended.Of("complete"), now.Ended.Of("complete")}, "upgrades": {last.Upgrades["done"], now.Upgrades["done"]},
		"exits": {last.Deaths.Exit, now.Deaths.Exit},
	} {
		if pair[1] < pair[0] {
			return fmt.Sprintf("%s went back from %d to %d", name, pair[0], pair[1])
		}
	}
	return ""
}

func identity(t testing.TB, path string) [2]uint64 {
	t.Helper()
	var s syscall.Stat_t
	if err := syscall.Lstat(path, &s); err != nil {
		t.Fatal(err)
	}
	return [2]uint64{uint64(s.Dev), uint64(s.Ino)}
}

// A failed upgrade is answered with the reason, and nothing has changed.
func TestControlUpgradeFails(t *testing.T) {
	t.Parallel()
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	held := harness.Hold(t, p, 2)
	before := identity(t, p.Ctl())
	p.Write("#!/bin/sh\nexit 7\n", 0o755)
	if why := p.Refuses(t, "upgrade", nil); !strings.Contains(why, "nothing has changed") || !strings.Contains(why, "exit status 7") {
		t.Errorf("the reason: %s", why)
	}
	os.Remove(p.Bin)
	if why := p.Refuses(t, "upgrade", nil); !strings.Contains(why, "no such file") {
		t.Errorf("the reason: %s", why)
	}
	if identity(t, p.Ctl()) != before {
		t.Error("the socket is another one")
	}
	if m := p.Asks("metrics", nil).Metrics; m.Upgrades["failed"] != 2 || m.Upgrades["done"] != 0 {
		t.Errorf("upgrades: %v", m.Upgrades)
	}
	for _, c := range held {
		harness.MustPing(t, c)
	}
	upgradesBy(p, harness.NextVersion)
	if m := p.Asks("metrics", nil).Metrics; m.Upgrades["failed"] != 2 || m.Upgrades["done"] != 1 {
		t.Errorf("upgrades: %v", m.Upgrades)
	}
}

// Of two simultaneous requests for an upgrade, one is refused.
func TestControlUpgradeTwice(t *testing.T) {
	t.Parallel()
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Write("#!/bin/sh\nsleep 2\n", 0o755)
	first := make(chan error, 1)
	go func() {
		r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "upgrade"})
		if err == nil {
			err = errors.New(r.Error)
		}
		first <- err
	}()
	harness.Await(t, "an upgrade under way", harness.NormalWait, func() bool { return len(p.Said("upgrade started")) == 1 })
	if why := p.Refuses(t, "upgrade", nil); !strings.Contains(why, "an upgrade is already in progress") {
		t.Errorf("the second one: %s", why)
	}
	if err := <-first; !strings.Contains(err.Error(), "nothing has changed") {
		t.Errorf("the first one: %v", err)
	}
}

// The control socket works through upgrades to the previous version and back.
func TestControlUpgradeOlder(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 3)
		before := identity(t, p.Ctl())
		for range 2 {
			p.Install(harness.Stamped(t, harness.OlderVersion))
			if r := p.Asks("upgrade", nil); !strings.Contains(r.Said, "version "+harness.OlderVersion) {
				t.Errorf("%+v", r)
			}
			p.Replaced(harness.OlderVersion)
			if s := p.Asks("status", nil).Status; s.PID != p.Master || s.Sessions != 3 || s.Build != harness.OlderVersion {
				t.Errorf("with the version before: %+v", s)
			}
			if after := identity(t, p.Ctl()); after != before {
				t.Errorf("the control socket is %+v, was %+v", after, before)
			}
			p.Upgrade(harness.ThisVersion)
			if s := p.Asks("status", nil).Status; s.PID != p.Master || s.Sessions != 3 {
				t.Errorf("back again: %+v", s)
			}
			upgradesBy(p, harness.NextVersion)
			upgradesBy(p, harness.ThisVersion)
		}
		for _, c := range held {
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		p.Lines(3)
	})
}
