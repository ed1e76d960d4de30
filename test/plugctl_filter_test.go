// Tests of filters and their errors, and of what orders log.

package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// Filters find clients and targets in every form in which they can be written;
// a client or target that the plug does not have is an error, not just no
// session.
func TestFilterForms(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := serve(t, anywhere, echo).addr()
		p := start(t, mode, withControl(target)...)
		client := hold(t, p, 3)[0].LocalAddr().String()
		port := target[strings.LastIndexByte(target, ':')+1:]
		for args, want := range map[string]int{
			"--client 127.0.0.0/8":                  3,
			"--client ::ffff:127.0.0.0/104":         3,
			"--client ::ffff:127.0.0.1":             3,
			"--client ::ffff:10.0.0.0/104":          0,
			"--client " + client:                    1,
			"--target " + target:                    3,
			"--target 127.0.0.1":                    3,
			"--target 127.0.0.0/8":                  3,
			"--target [::ffff:127.0.0.1]:" + port:   3,
			"--target ::ffff:127.0.0.1 --client ::": 0,
		} {
			if got := len(p.ctlJSON(append([]string{"sessions"}, strings.Fields(args)...)...).Sessions); got != want {
				t.Errorf("%s: %d sessions, want %d", args, got, want)
			}
		}
		for args, why := range map[string]string{
			"--target 10.9.9.9:1":     `target "10.9.9.9:1": no such target in this plug`,
			"--target news.example":   `target "news.example": no such target in this plug`,
			"--target 127.0.0.1:1":    "no such target",
			"--target 192.0.2.0/24":   "no such target",
			"--target news.example:1": "no such target",
		} {
			for _, command := range []string{"sessions", "kill"} {
				if got := p.ctlRefused(append([]string{command}, strings.Fields(args)...)...); !strings.Contains(got, why) {
					t.Errorf("%s %s: %q, want %q", command, args, got, why)
				}
			}
		}
		for _, args := range []string{"--client 10.0.0/8", "--client 127.0.0.1:0", "--target 127.0.0.1:99999", "--target 10.0.3", "--target x:y:1"} {
			if r := p.ctlTry(append([]string{"kill"}, strings.Fields(args)...)...); r.status != 5 || r.stdout != "" {
				t.Errorf("%s: %+v, want status 5", args, r)
			}
		}
	})
}

// The master checks everything that plugctl checks: a mistake by a program
// that writes to the socket ends no session.
func TestControlChecksFilters(t *testing.T) {
	t.Parallel()
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	held := hold(t, p, 3)
	for _, filter := range []fields{
		{"older_than_seconds": -1},
		{"idle_for_seconds": -0.001},
		{"client": "127.0.0.0/8", "older_than_seconds": -1},
		{"pids": []int{0}},
		{"pids": []int{-1}},
		{"ids": []string{"1-2"}},
		{"client": "127.0.0/8"},
		{"target": "127.0.0.1:99999"},
		{"target": "10.9.9.9:1"},
		{"state": "asleep"},
		{"all": true, "client": "127.0.0.0/8"},
		{"client": "127.0.0.0/8", "idle_for": 3600}, // the field has another name
		{},
		{"all": false},
		nil,
	} {
		r, err := ask(p.ctl(), fields{"verb": "kill", "filter": filter})
		if err != nil || r.Error == "" || len(r.Sessions) > 0 {
			t.Errorf("%v: %+v, %v", filter, r, err)
		}
	}
	for i, c := range held {
		if err := ping(c); err != nil {
			t.Errorf("session %d was ended: %v", i, err)
		}
	}
}

// 8,000 IDs are one request and one answer.
func TestKillOfThousands(t *testing.T) {
	t.Parallel()
	p := start(t, "pool", withControl(serve(t, anywhere, echo).addr())...)
	hold(t, p, 20)
	args := []string{"kill"}
	for _, s := range p.ctlJSON("sessions").Sessions {
		args = append(args, s.ID)
	}
	for i := range 8000 - 20 {
		args = append(args, fmt.Sprintf("4000000000-100000000-%d", i))
	}
	before := p.asks("metrics", nil).Metrics.ControlRequests
	if r := p.ctlJSON(args...); len(r.Sessions) != 20 || r.Said != "20 sessions ended" {
		t.Errorf("%d sessions: %q", len(r.Sessions), r.Said)
	}
	if n := p.asks("metrics", nil).Metrics.ControlRequests - before; n != 2 {
		t.Errorf("%d requests, want the kill's and the last one", n)
	}
}

// An admin's order is logged once, as a notice, and not as an error for each
// session; so is HUP.
func TestOrdersAreNoErrors(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, withControl(serve(t, anywhere, echo).addr())...)
		hold(t, p, 20)
		p.ctlText("kill", "--all")
		p.signal(syscall.SIGHUP)
		p.ctlText("reload")
		p.lines(20)
		for _, level := range []string{"ERROR", "WARN"} {
			if said := p.said(`\[` + level); len(said) > 0 {
				t.Errorf("%d lines, the first: %s", len(said), said[0])
			}
		}
	})
}

// In the background they are notices in syslog.
func TestOrdersAreNotices(t *testing.T) {
	t.Parallel()
	p := prepare(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	p.detach()
	hold(t, p, 20)
	p.ctlText("kill", "--all")
	const killed, reloaded = `.*: kill: 20 sessions ended by admin`, `.*: reload: nothing to reload .*`
	if r := p.syslog.await(t, killed); r.priority&7 != 5 {
		t.Errorf("priority %d, want a notice", r.priority)
	}
	p.signal(syscall.SIGHUP)
	if r := p.syslog.await(t, reloaded); r.priority&7 != 5 {
		t.Errorf("priority %d, want a notice", r.priority)
	}
	for _, r := range p.syslog.all() {
		if r.priority&7 < 5 {
			t.Errorf("%s", r)
		}
	}
}

// The answer of an upgrade names the shepherd, even during the handover, when
// the new master's parent is still the old one.
func TestUpgradeNamesTheShepherd(t *testing.T) {
	t.Parallel()
	p := startUpgradable(t, "prefork", thisOne, withControl(serve(t, anywhere, echo).addr())...)
	for i, version := range []string{nextOne, thisOne, nextOne, thisOne} {
		p.install(stampedWith(t, version))
		s := p.ctlJSON("upgrade").Status
		if s == nil || s.Shepherd != p.cmd.Process.Pid {
			t.Errorf("upgrade %d: %+v, the shepherd is %d", i, s, p.cmd.Process.Pid)
		}
	}
	await(t, "the log to have its spans in milliseconds", normalWait, func() bool {
		return len(p.said(`upgraded: .* frozen_ms=[0-9.]+ gates_ms=[0-9.]+\n`)) == 4 && len(p.said(`the new master is serving: after_ms=[0-9.]+\n`)) == 4
	})
}
