// Tests of filters and their errors, and of what orders log.

package control

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// Filters find clients and targets in every form in which they can be written;
// a client or target that the plug does not have is an error, not just no
// session.
func TestFilterForms(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.Start(t, mode, harness.WithControl(target)...)
		client := harness.Hold(t, p, 3)[0].LocalAddr().String()
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
			if got := len(p.CtlJSON(append([]string{"sessions"}, strings.Fields(args)...)...).Sessions); got != want {
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
				if got := p.CtlRefused(append([]string{command}, strings.Fields(args)...)...); !strings.Contains(got, why) {
					t.Errorf("%s %s: %q, want %q", command, args, got, why)
				}
			}
		}
		for _, args := range []string{"--client 10.0.0/8", "--client 127.0.0.1:0", "--target 127.0.0.1:99999", "--target 10.0.3", "--target x:y:1"} {
			if r := p.CtlTry(append([]string{"kill"}, strings.Fields(args)...)...); r.Status != 5 || r.Stdout != "" {
				t.Errorf("%s: %+v, want status 5", args, r)
			}
		}
	})
}

// The master checks everything that plugctl checks: a mistake by a program
// that writes to the socket ends no session.
func TestControlChecksFilters(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	held := harness.Hold(t, p, 3)
	for _, filter := range []harness.Fields{
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
		r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "kill", "filter": filter})
		if err != nil || r.Error == "" || len(r.Sessions) > 0 {
			t.Errorf("%v: %+v, %v", filter, r, err)
		}
	}
	for i, c := range held {
		if err := harness.Ping(c); err != nil {
			t.Errorf("session %d was ended: %v", i, err)
		}
	}
}

// 8,000 IDs are one request and one answer.
func TestKillOfThousands(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "pool", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	harness.Hold(t, p, 20)
	args := []string{"kill"}
	for _, s := range p.CtlJSON("sessions").Sessions {
		args = append(args, s.ID)
	}
	for i := range 8000 - 20 {
		args = append(args, fmt.Sprintf("4000000000-100000000-%d", i))
	}
	before := p.Asks("metrics", nil).Metrics.ControlRequests
	if r := p.CtlJSON(args...); len(r.Sessions) != 20 || r.Said != "20 sessions ended" {
		t.Errorf("%d sessions: %q", len(r.Sessions), r.Said)
	}
	if n := p.Asks("metrics", nil).Metrics.ControlRequests - before; n != 2 {
		t.Errorf("%d requests, want the kill's and the last one", n)
	}
}

// An admin's order is logged once, as a notice, and not as an error for each
// session; so is HUP.
func TestOrdersAreNoErrors(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		harness.Hold(t, p, 20)
		p.CtlText("kill", "--all")
		p.Signal(syscall.SIGHUP)
		p.CtlText("reload")
		p.Lines(20)
		for _, level := range []string{"ERROR", "WARN"} {
			if said := p.Said(`\[` + level); len(said) > 0 {
				t.Errorf("%d lines, the first: %s", len(said), said[0])
			}
		}
	})
}

// In the background they are notices in syslog.
func TestOrdersAreNotices(t *testing.T) {
	t.Parallel()
	p := harness.Prepare(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Detach()
	harness.Hold(t, p, 20)
	p.CtlText("kill", "--all")
	const killed, reloaded = `.*: kill: 20 sessions ended by admin`, `.*: reload: nothing to reload .*`
	if r := p.Syslog.Await(t, killed); r.Priority&7 != 5 {
		t.Errorf("priority %d, want a notice", r.Priority)
	}
	p.Signal(syscall.SIGHUP)
	if r := p.Syslog.Await(t, reloaded); r.Priority&7 != 5 {
		t.Errorf("priority %d, want a notice", r.Priority)
	}
	for _, r := range p.Syslog.All() {
		if r.Priority&7 < 5 {
			t.Errorf("%s", r)
		}
	}
}

// The answer of an upgrade names the shepherd, even during the handover, when
// the new master's parent is still the old one.
func TestUpgradeNamesTheShepherd(t *testing.T) {
	t.Parallel()
	p := harness.StartUpgradable(t, "prefork", harness.ThisVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	for i, version := range []string{harness.NextVersion, harness.ThisVersion, harness.NextVersion, harness.ThisVersion} {
		p.Install(harness.Stamped(t, version))
		s := p.CtlJSON("upgrade").Status
		if s == nil || s.Shepherd != p.Cmd.Process.Pid {
			t.Errorf("upgrade %d: %+v, the shepherd is %d", i, s, p.Cmd.Process.Pid)
		}
	}
	harness.Await(t, "the log to have its spans in milliseconds", harness.NormalWait, func() bool {
		return len(p.Said(`upgraded: .* frozen_ms=[0-9.]+ gates_ms=[0-9.]+\n`)) == 4 && len(p.Said(`the new master is serving: after_ms=[0-9.]+\n`)) == 4
	})
}
