// Tests of upgrade on the control socket.

package test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// upgradesBy upgrades the plug through its control socket, and checks the new
// master's PID.
func (p *plug) upgradesBy(version string) {
	p.t.Helper()
	p.install(stampedWith(p.t, version))
	r := p.asks("upgrade", nil)
	if r.Status == nil || !strings.Contains(r.Said, fmt.Sprintf("PID %d is now the master (version %s)", r.Status.PID, version)) {
		p.t.Fatalf("upgrade: %+v", r)
	}
	if r.Status.PID == p.master || r.Status.Build != version || r.Status.Phase != "running" {
		p.t.Fatalf("upgrade: %+v; the old master was %d", r.Status, p.master)
	}
	if s := p.asks("status", nil).Status; s.PID != r.Status.PID {
		p.t.Errorf("after the answer PID %d answers, not %d", s.PID, r.Status.PID)
	}
	p.replaced(version)
	if p.master != r.Status.PID {
		p.t.Fatalf("the pidfile has master %d, the answer had %d", p.master, r.Status.PID)
	}
}

// Both masters answer an upgrade through the socket; the socket exists all the
// time; IDs, states and counters continue.
func TestControlUpgrade(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, b := serve(t, anywhere, echo).addr(), serve(t, anywhere, echo).addr()
		p := startUpgradable(t, mode, thisOne, withControl(a, b)...)
		before := identity(t, p.ctl())
		var stop atomic.Bool
		var asked, failed atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			var last ctlMetrics
			for !stop.Load() {
				r, err := ask(p.ctl(), fields{"verb": "metrics"})
				switch {
				case err == nil && r.Again:
				case err != nil || r.Metrics == nil:
					failed.Add(1)
					t.Errorf("during upgrades: %+v, %v", r, err)
				default:
					asked.Add(1)
					if back := wentBack(&last, r.Metrics); back != "" {
						t.Errorf("during upgrades %s", back)
					}
					last = *r.Metrics
				}
			}
		}()
		p.asks("target", fields{"target": b, "state": "draining"})
		held := hold(t, p, 5)
		ids := map[string]string{}
		for _, s := range p.asks("sessions", nil).Sessions {
			ids[s.Client] = s.ID
		}
		for i, version := range []string{nextOne, thisOne, nextOne} {
			p.upgradesBy(version)
			for _, c := range hold(t, p, 3) {
				finish(c)
			}
			p.lines(3 * (i + 1))
			for _, s := range p.asks("sessions", nil).Sessions {
				if id, ok := ids[s.Client]; ok && id != s.ID {
					t.Errorf("session %s became %s", id, s.ID)
				}
				if s.Target != a {
					t.Errorf("%+v is at a draining target", s)
				}
			}
			if s := p.asks("status", nil).Status; s.Upgrades != uint64(i+1) || s.Sessions != 5 || s.Accepted != uint64(5+3*(i+1)) || s.Targets["draining"] != 1 {
				t.Errorf("after %d upgrades: %+v", i+1, s)
			}
		}
		stop.Store(true)
		<-done
		if asked.Load() < 10 {
			t.Errorf("%d answers in all that time", asked.Load())
		}
		if after := identity(t, p.ctl()); after != before {
			t.Errorf("the socket is another one: %v, was %v", after, before)
		}
		builds := map[string]int{}
		for _, w := range p.asks("workers", nil).Workers {
			builds[w.Build]++
		}
		if builds[thisOne] == 0 || builds[nextOne] == 0 || len(builds) != 2 {
			t.Errorf("workers by version: %v", builds)
		}
		ended := p.asks("kill", fields{"filter": fields{"other_version": nextOne}})
		if len(ended.Sessions) != 5 {
			t.Errorf("%d sessions of the first version ended, want 5: %+v", len(ended.Sessions), ended)
		}
		for _, c := range held {
			if ping(c) == nil {
				t.Error("a session of the first version lives")
			}
		}
		p.lines(14)
	})
}

// wentBack names a counter that has decreased.
func wentBack(last, now *ctlMetrics) string {
	for name, pair := range map[string][2]uint64{
		"accepted": {last.Accepted, now.Accepted}, "refused": {last.Refused, now.Refused}, "bytes in": {last.BytesIn, now.BytesIn},
		"bytes out": {last.BytesOut, now.BytesOut}, "spawns": {last.Spawns, now.Spawns}, "redispatches": {last.Redispatches, now.Redispatches},
		"durations": {last.Durations.count(), now.Durations.count()}, "connects": {last.connects(), now.connects()},
		"pidfile writes": {last.PidfileWrites, now.PidfileWrites}, "requests": {last.ControlRequests, now.ControlRequests},
		"complete": {last.Ended.of("complete"), now.Ended.of("complete")}, "upgrades": {last.Upgrades["done"], now.Upgrades["done"]},
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
	p := startUpgradable(t, "prefork", thisOne, withControl(serve(t, anywhere, echo).addr())...)
	held := hold(t, p, 2)
	before := identity(t, p.ctl())
	p.write("#!/bin/sh\nexit 7\n", 0o755)
	if why := p.refuses(t, "upgrade", nil); !strings.Contains(why, "nothing has changed") || !strings.Contains(why, "exit status 7") {
		t.Errorf("the reason: %s", why)
	}
	os.Remove(p.bin)
	if why := p.refuses(t, "upgrade", nil); !strings.Contains(why, "no such file") {
		t.Errorf("the reason: %s", why)
	}
	if identity(t, p.ctl()) != before {
		t.Error("the socket is another one")
	}
	if m := p.asks("metrics", nil).Metrics; m.Upgrades["failed"] != 2 || m.Upgrades["done"] != 0 {
		t.Errorf("upgrades: %v", m.Upgrades)
	}
	for _, c := range held {
		mustPing(t, c)
	}
	p.upgradesBy(nextOne)
	if m := p.asks("metrics", nil).Metrics; m.Upgrades["failed"] != 2 || m.Upgrades["done"] != 1 {
		t.Errorf("upgrades: %v", m.Upgrades)
	}
}

// Of two simultaneous requests for an upgrade, one is refused.
func TestControlUpgradeTwice(t *testing.T) {
	t.Parallel()
	p := startUpgradable(t, "prefork", thisOne, withControl(serve(t, anywhere, echo).addr())...)
	p.write("#!/bin/sh\nsleep 2\n", 0o755)
	first := make(chan error, 1)
	go func() {
		r, err := ask(p.ctl(), fields{"verb": "upgrade"})
		if err == nil {
			err = errors.New(r.Error)
		}
		first <- err
	}()
	await(t, "an upgrade under way", normalWait, func() bool { return len(p.said("upgrade started")) == 1 })
	if why := p.refuses(t, "upgrade", nil); !strings.Contains(why, "an upgrade is already in progress") {
		t.Errorf("the second one: %s", why)
	}
	if err := <-first; !strings.Contains(err.Error(), "nothing has changed") {
		t.Errorf("the first one: %v", err)
	}
}

// The control socket works through upgrades to the previous version and back.
func TestControlUpgradeOlder(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, withControl(serve(t, anywhere, echo).addr())...)
		held := hold(t, p, 3)
		before := identity(t, p.ctl())
		for range 2 {
			p.install(stampedWith(t, older))
			if r := p.asks("upgrade", nil); !strings.Contains(r.Said, "version "+older) {
				t.Errorf("%+v", r)
			}
			p.replaced(older)
			if s := p.asks("status", nil).Status; s.PID != p.master || s.Sessions != 3 || s.Build != older {
				t.Errorf("with the version before: %+v", s)
			}
			if after := identity(t, p.ctl()); after != before {
				t.Errorf("the control socket is %+v, was %+v", after, before)
			}
			p.upgrade(thisOne)
			if s := p.asks("status", nil).Status; s.PID != p.master || s.Sessions != 3 {
				t.Errorf("back again: %+v", s)
			}
			p.upgradesBy(nextOne)
			p.upgradesBy(thisOne)
		}
		for _, c := range held {
			mustPing(t, c)
			finish(c)
		}
		p.lines(3)
	})
}
