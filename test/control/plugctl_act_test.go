// Tests of plugctl's commands that change something.

package control

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

func addressOf(client string) string {
	host, _, _ := net.SplitHostPort(client)
	return host
}

// When plugctl returns, target, accept, log-level, reopen and reload have
// taken effect; a refusal by the master is printed, with status 1.
func TestPlugctlSteer(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addrs := harness.ThreeTargets(t)
		p := harness.Start(t, mode, harness.WithControl(addrs...)...)
		if text := p.CtlText("target", "disable", addrs[1]); text != addrs[1]+" is disabled\n" {
			t.Errorf("%q", text)
		}
		if got := harness.TargetOrder(t, p, 4); strings.Contains(got, "b") {
			t.Errorf("with a disabled target: %s", got)
		}
		if r := p.CtlJSON("target", "drain", addrs[1]); len(r.Targets) != 1 || r.Targets[0].State != "draining" || r.Said != addrs[1]+" is draining" {
			t.Errorf("%+v", r)
		}
		p.CtlText("target", "enable", addrs[1])
		if got := harness.TargetOrder(t, p, 3); !strings.Contains(got, "b") {
			t.Errorf("with all targets: %s", got)
		}
		if why := p.CtlRefused("target", "disable", "127.0.0.1:1"); !strings.Contains(why, "127.0.0.1:1") {
			t.Error(why)
		}

		p.CtlText("accept", "pause")
		if s := p.CtlJSON("status").Status; !s.Paused {
			t.Errorf("%+v", s)
		}
		waiting := harness.Dial(t, p.Addr())
		p.CtlText("accept", "resume")
		if name, err := bufio.NewReader(waiting).ReadString('\n'); err != nil {
			t.Errorf("a client that has waited: %q, %v", name, err)
		}

		p.CtlText("log-level", "1")
		if s := p.CtlJSON("status").Status; s.LogLevel != 1 {
			t.Errorf("%+v", s)
		}

		old := p.Sessions + ".1"
		if err := os.Rename(p.Sessions, old); err != nil {
			t.Fatal(err)
		}
		if text := p.CtlText("reopen"); !strings.Contains(text, p.Sessions) {
			t.Errorf("%q", text)
		}
		if _, err := os.Stat(p.Sessions); err != nil {
			t.Errorf("after reopen: %v", err)
		}
		p.CtlText("reload")
		if r := p.CtlJSON("reload"); r.Said == "" {
			t.Errorf("%+v", r)
		}
	})
}

// upgrade returns when the new master serves; if it fails, the status is 1
// with the reason, and nothing has changed.
func TestPlugctlUpgrade(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 2)
		p.Install(harness.Stamped(t, harness.NextVersion))
		text := p.CtlText("upgrade")
		s := p.CtlJSON("status").Status
		if s.Build != harness.NextVersion || s.PID == p.Master || text != fmt.Sprintf("PID %d is now the master (version %s)\n", s.PID, harness.NextVersion) {
			t.Errorf("%q, %+v", text, s)
		}
		p.Replaced(harness.NextVersion)
		if n := len(p.CtlJSON("sessions", "--worker-version", harness.ThisVersion).Sessions); n != 2 {
			t.Errorf("%d sessions are in the old workers, want 2", n)
		}
		harness.Hold(t, p, 1)
		if got := p.CtlJSON("sessions", "--other-version", harness.ThisVersion).Sessions; len(got) != 1 || got[0].Build != harness.NextVersion {
			t.Errorf("%+v", got)
		}
		p.Write("#!/bin/false\n", 0o755)
		if why := p.CtlRefused("upgrade"); !strings.Contains(why, "exit") {
			t.Errorf("the reason: %s", why)
		}
		r := p.CtlTry("upgrade", "--json")
		if r.Status != 1 || !strings.Contains(r.Stdout, `"error":"`) {
			t.Errorf("%+v", r)
		}
		if now := p.CtlJSON("status").Status; now.PID != s.PID {
			t.Errorf("after a failed upgrade: %+v", now)
		}
		p.Install(harness.Stamped(t, harness.NextVersion))
		for _, c := range held {
			harness.MustPing(t, c)
		}
		if n := len(p.CtlJSON("kill", "--other-version", harness.NextVersion).Sessions); n != 2 {
			t.Errorf("%d sessions of the old workers were ended, want 2", n)
		}
	})
}

// stop leaves the sessions alone; with --drain it counts them down on stderr
// and returns with the last one.
func TestPlugctlStop(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, 2)
		if text := p.CtlText("stop"); !strings.Contains(text, "2 sessions continue") {
			t.Errorf("%q", text)
		}
		if code := p.Wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, c := range held {
			harness.MustPing(t, c)
			harness.Finish(c)
		}
		if r := p.CtlTry("status"); r.Status != 2 {
			t.Errorf("after the stop: %+v", r)
		}

		q := harness.Start(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held = harness.Hold(t, q, 2)
		cmd := exec.Command(harness.CtlProgram(t), "-s", q.Ctl(), "stop", "--drain")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stdout strings.Builder
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		watchdog := time.AfterFunc(harness.TalkBound, func() { cmd.Process.Kill() })
		defer watchdog.Stop()
		lines := bufio.NewScanner(stderr)
		for _, want := range []string{"draining: 2 sessions left", "draining: 1 session left"} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%q, want %q", lines.Text(), want)
			}
			harness.Finish(held[0])
			held = held[1:]
		}
		for lines.Scan() {
		}
		if err := cmd.Wait(); err != nil || stdout.String() != "the plug has stopped\n" {
			t.Errorf("%v, %q", err, stdout.String())
		}
		if code := q.Wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// The error names a stopped master, and one that the user may not ask.
func TestPlugctlAway(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	harness.StopProcess(t, p.Master)
	for _, args := range [][]string{{"status"}, {"kill", "--all"}, {"stop"}} {
		began := time.Now()
		r := p.CtlTry(append(args, "--timeout", "300ms")...)
		if r.Status != 2 || !strings.Contains(r.Stderr, "no answer within 300ms: the master is stopped") {
			t.Errorf("%q: %+v", args, r)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q: after %v", args, took)
		}
	}
	syscall.Kill(p.Master, syscall.SIGCONT)
	// The stopped master may now execute its pending requests: the last was
	// stop.
	if code := p.Wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if r := p.CtlTry("status"); r.Status != 2 || !strings.Contains(r.Stderr, "no such file") {
		t.Errorf("after its end: %+v", r)
	}
}

// Each command that changes something reports in JSON whether it has, and in
// its text if it has not.
func TestPlugctlChanged(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addr := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(addr)...)
		// The plug may notice on its own that the file was renamed, before the
		// command.
		rotated := func(verb string) {
			harness.Await(t, verb+" to change the session file", harness.LongWait, func() bool {
				if err := os.Rename(p.Sessions, p.Sessions+".0"); err != nil {
					t.Fatal(err)
				}
				r := p.CtlJSON(verb)
				return r.Changed != nil && *r.Changed
			})
		}
		if r := p.CtlJSON("status"); r.Changed != nil {
			t.Errorf("status, which only asks: %+v", r)
		}
		for _, c := range []struct {
			before  func()
			line    string
			changed bool
		}{
			{nil, "accept resume", false},
			{nil, "accept pause", true},
			{nil, "accept pause", false},
			{nil, "accept resume", true},
			{nil, "target enable " + addr, false},
			{nil, "target drain " + addr, true},
			{nil, "target drain " + addr, false},
			{nil, "target disable " + addr, true},
			{nil, "target enable " + addr, true},
			{nil, "log-level 1", false}, // the harness gives -d
			{nil, "log-level 2", true},
			{nil, "log-level 2", false},
			{func() { rotated("reopen") }, "reopen", false},
			{func() { rotated("reload") }, "reload", false},
			{func() { harness.Hold(t, p, 1) }, "kill --all --dry-run", false},
			{nil, "kill --all", true},
			{nil, "upgrade", true},
			{func() { p.Replaced(harness.ThisVersion) }, "log-level 2", false},
			{func() { harness.Hold(t, p, 1) }, "stop", true},
		} {
			if c.before != nil {
				c.before()
			}
			args := strings.Fields(c.line)
			if r := p.CtlJSON(args...); r.Changed == nil || *r.Changed != c.changed {
				t.Errorf("%s: %+v, want changed: %v", c.line, r, c.changed)
			}
			if !c.changed && args[0] != "kill" {
				if text := p.CtlText(args...); !strings.HasSuffix(text, " (unchanged)\n") {
					t.Errorf("%s: %q", c.line, text)
				}
			}
		}
	})
}
