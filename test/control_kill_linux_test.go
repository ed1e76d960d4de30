// Tests of kill for workers that are stopped or of an older version.

package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// A stopped worker cannot obey: if the session is its only one, the worker is
// killed; if it has others, it is not.
func TestControlKillStopped(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, withControl("-l", "--max-workers", "12", serve(t, anywhere, echo).addr())...)
		held := hold(t, p, 4)
		pid := p.carriersOf(held[:1])[0]
		stopProcess(t, pid)
		client := held[0].LocalAddr().String()
		var id string
		for _, s := range p.asks("sessions", nil).Sessions {
			if s.Client == client {
				id = s.ID
			}
		}
		r, err := p.tries("kill", fields{"filter": fields{"ids": []string{id}}})
		if mode == "pool" {
			if err == nil || !strings.Contains(err.Error(), "pool") || !strings.Contains(err.Error(), fmt.Sprint(pid)) || len(r.Sessions) != 0 {
				t.Errorf("%+v, %v", r.Sessions, err)
			}
			syscall.Kill(pid, syscall.SIGCONT) // now it reads its orders
			if err := hungUp(held[0]); err != nil {
				t.Errorf("after CONT: %v", err)
			}
		} else {
			if err != nil || len(r.Sessions) != 1 || r.Sessions[0].ID != id {
				t.Fatalf("%+v, %v", r.Sessions, err)
			}
			if err := hungUp(held[0]); err != nil {
				t.Error(err)
			}
			if d := p.asks("metrics", nil).Metrics.Deaths.Signals; d["9"] != 1 {
				t.Errorf("deaths %v", d)
			}
		}
		if l := p.lines(1)[0]; l.pid != pid {
			t.Errorf("session line %+v, want one of %d", l, pid)
		}
		if e := p.asks("metrics", nil).Metrics.Ended; e.of("admin") != 1 || e.of("killed") != 0 {
			t.Errorf("ended: %v", e)
		}
		for _, c := range held[1:] {
			mustPing(t, c)
			finish(c)
		}
		p.lines(4)
	})
}

// If a worker is told to end a session while it is stopped, and carries
// another one when it reads the order, it does not end that one.
func TestControlKillLate(t *testing.T) {
	p := start(t, "pool", withControl("--workers", "1", serve(t, anywhere, echo).addr())...)
	held := hold(t, p, 2)
	old := p.asks("sessions", nil).Sessions
	finish(held[0])
	finish(held[1])
	p.lines(2)
	fresh := hold(t, p, 2)
	for _, s := range old {
		if got := p.asks("kill", fields{"filter": fields{"ids": []string{s.ID}}}).Sessions; len(got) != 0 {
			t.Errorf("%s ended %+v", s.ID, got)
		}
	}
	for _, c := range fresh {
		mustPing(t, c)
	}
}

// Sessions of workers of the previous version are also ended by their own
// workers, which continue to live.
func TestControlKillOlder(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, older, withControl(serve(t, anywhere, echo).addr())...)
		held := hold(t, p, 3)
		p.upgrade(thisOne)
		fresh := hold(t, p, 2)
		var sessions []ctlSession
		await(t, "the control socket", normalWait, func() bool {
			r, err := ask(p.ctl(), fields{"verb": "sessions", "filter": fields{"worker_version": older}})
			sessions = r.Sessions
			return err == nil && len(sessions) == 3
		})
		r, err := p.tries("kill", fields{"filter": fields{"ids": []string{sessions[0].ID}}})
		if err != nil || len(r.Sessions) != 1 {
			t.Errorf("%+v, %v", r.Sessions, err)
		}
		live := 0
		for _, c := range held {
			if ping(c) == nil {
				live++
			}
		}
		if live != 2 {
			t.Errorf("%d of the older sessions live, want 2", live)
		}
		p.lines(1)
		for _, c := range fresh {
			mustPing(t, c)
		}
	})
}
