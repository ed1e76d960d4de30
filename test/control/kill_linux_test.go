// Tests of kill for workers that are stopped or of an older version.

package control

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// A stopped worker cannot obey: if the session is its only one, the worker is
// killed; if it has others, it is not.
func TestControlKillStopped(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.WithControl("-l", "--max-workers", "12", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 4)
		pid := p.CarriersOf(held[:1])[0]
		harness.StopProcess(t, pid)
		client := held[0].LocalAddr().String()
		var id string
		for _, s := range p.Asks("sessions", nil).Sessions {
			if s.Client == client {
				id = s.ID
			}
		}
		r, err := p.Tries("kill", harness.Fields{"filter": harness.Fields{"ids": []string{id}}})
		if mode == "pool" {
			if err == nil || !strings.Contains(err.Error(), "pool") || !strings.Contains(err.Error(), fmt.Sprint(pid)) || len(r.Sessions) != 0 {
				t.Errorf("%+v, %v", r.Sessions, err)
			}
			syscall.Kill(pid, syscall.SIGCONT) // now it reads its orders
			if err := harness.HungUp(held[0]); err != nil {
				t.Errorf("after CONT: %v", err)
			}
		} else {
			if err != nil || len(r.Sessions) != 1 || r.Sessions[0].ID != id {
				t.Fatalf("%+v, %v", r.Sessions, err)
			}
			if err := harness.HungUp(held[0]); err != nil {
				t.Error(err)
			}
			if d := p.Asks("metrics", nil).Metrics.Deaths.Signals; d["9"] != 1 {
				t.Errorf("deaths %v", d)
			}
		}
		if l := p.Lines(1)[0]; l.PID != pid {
			t.Errorf("session line %+v, want one of %d", l, pid)
		}
		if e := p.Asks("metrics", nil).Metrics.Ended; e.Of("admin") != 1 || e.Of("killed") != 0 {
			t.Errorf("ended: %v", e)
		}
		for _, c := range held[1:] {
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		p.Lines(4)
	})
}

// If a worker is told to end a session while it is stopped, and carries
// another one when it reads the order, it does not end that one.
func TestControlKillLate(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "pool", harness.WithControl("--workers", "1", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	held := harness.Hold(t, p, 2)
	old := p.Asks("sessions", nil).Sessions
	harness.Finish(held[0])
	harness.Finish(held[1])
	p.Lines(2)
	fresh := harness.Hold(t, p, 2)
	for _, s := range old {
		if got := p.Asks("kill", harness.Fields{"filter": harness.Fields{"ids": []string{s.ID}}}).Sessions; len(got) != 0 {
			t.Errorf("%s ended %+v", s.ID, got)
		}
	}
	for _, c := range fresh {
		harness.MustPing(t, c)
	}
}

// Sessions of workers of the previous version are also ended by their own
// workers, which continue to live.
func TestControlKillOlder(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.OlderVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 3)
		p.Upgrade(harness.ThisVersion)
		fresh := harness.Hold(t, p, 2)
		var sessions []harness.Session
		harness.Await(t, "the control socket", harness.NormalWait, func() bool {
			r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "sessions", "filter": harness.Fields{"worker_version": harness.OlderVersion}})
			sessions = r.Sessions
			return err == nil && len(sessions) == 3
		})
		r, err := p.Tries("kill", harness.Fields{"filter": harness.Fields{"ids": []string{sessions[0].ID}}})
		if err != nil || len(r.Sessions) != 1 {
			t.Errorf("%+v, %v", r.Sessions, err)
		}
		live := 0
		for _, c := range held {
			if harness.Ping(c) == nil {
				live++
			}
		}
		if live != 2 {
			t.Errorf("%d of the older sessions live, want 2", live)
		}
		p.Lines(1)
		for _, c := range fresh {
			harness.MustPing(t, c)
		}
	})
}
