// Tests of plugctl's commands that change something.

package test

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
)

// kill ends the sessions that its flags select, and prints them; no other
// session ends.
func TestPlugctlKill(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, b := serve(t, anywhere, echo).addr(), serve(t, anywhere, echo).addr()
		p := start(t, mode, withControl(a, b)...)
		held := map[string]*net.TCPConn{} // by the client's address
		for i := range 12 {
			client := fmt.Sprintf("127.6.%d.%d", i%3, i+1)
			held[client] = dialAs(t, client, p.addr())
			held[client].SetDeadline(time.Now().Add(2 * time.Minute))
			mustPing(t, held[client])
		}
		live := func() map[string]ctlSession {
			now := map[string]ctlSession{}
			for _, s := range p.ctlJSON("sessions").Sessions {
				now[addressOf(s.Client)] = s
			}
			return now
		}
		// picks checks which of the live sessions a kill selects.
		picks := func(match func(ctlSession) bool, flags ...string) {
			t.Helper()
			before := live()
			want := 0
			for _, s := range before {
				if match(s) {
					want++
				}
			}
			dry := p.ctlTry(append([]string{"kill", "--dry-run"}, flags...)...)
			if got := strings.Count(dry.stdout, "\n") - 2; dry.status != 0 || got != want {
				t.Fatalf("kill --dry-run %q: %+v; want %d sessions", flags, dry, want)
			}
			if got := len(live()); got != len(before) {
				t.Fatalf("kill --dry-run %q has ended %d", flags, len(before)-got)
			}
			if got := p.ctlJSON(append([]string{"kill"}, flags...)...); len(got.Sessions) != want {
				t.Errorf("kill %q: %+v, want %d sessions", flags, got, want)
			}
			after := live()
			for client, s := range before {
				if _, lives := after[client]; lives == match(s) {
					t.Errorf("kill %q: %+v lives: %v", flags, s, lives)
				}
				if match(s) {
					if err := hungUp(held[client]); err != nil {
						t.Errorf("kill %q: %s: %v", flags, client, err)
					}
				} else {
					mustPing(t, held[client])
				}
			}
			if again := p.ctlTry(append([]string{"kill"}, flags...)...); again.status != 3 || again.stderr != "plugctl: no session matches\n" {
				t.Errorf("kill %q once more: %+v", flags, again)
			}
		}
		first := live()["127.6.0.1"]
		picks(func(s ctlSession) bool { return s.ID == first.ID }, first.ID)
		picks(func(s ctlSession) bool { return strings.HasPrefix(s.Client, "127.6.1.") }, "--client", "127.6.1.0/24")
		picks(func(s ctlSession) bool { return s.Target == a && strings.HasPrefix(s.Client, "127.6.2.") }, "--target", a, "--client", "127.6.2.0/24")
		third := live()["127.6.0.4"]
		picks(func(s ctlSession) bool { return s.PID == third.PID }, "--pid", fmt.Sprint(third.PID))
		if len(live()) > 0 {
			picks(func(ctlSession) bool { return true }, "--older-than", "0.001", "--worker-version", p.ctlJSON("status").Status.Build)
		}
		if r := p.ctlTry("kill", "--other-version", p.ctlJSON("status").Status.Build); r.status != 3 {
			t.Errorf("%+v", r)
		}
		for _, args := range [][]string{{"kill"}, {"kill", "-n"}, {"kill", "--client", ""}, {"kill", "--all", first.ID}} {
			if r := p.ctlTry(args...); r.status != 5 || r.stdout != "" {
				t.Errorf("%q: %+v", args, r)
			}
		}
		if why := p.ctlRefused("kill", "nonsense"); !strings.Contains(why, `session "nonsense": must be an ID`) {
			t.Error(why)
		}
		hold(t, p, 3)
		if text := p.ctlText("kill", "--all"); !strings.HasSuffix(text, "\n3 sessions ended\n") {
			t.Errorf("%s", text)
		}
		p.lines(15)
	})
}

func addressOf(client string) string {
	host, _, _ := net.SplitHostPort(client)
	return host
}

// When plugctl returns, target, accept, log-level, reopen and reload have
// taken effect; a refusal by the master is printed, with status 1.
func TestPlugctlSteer(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addrs := three(t)
		p := start(t, mode, withControl(addrs...)...)
		if text := p.ctlText("target", "disable", addrs[1]); text != addrs[1]+" is disabled\n" {
			t.Errorf("%q", text)
		}
		if got := order(t, p, 4); strings.Contains(got, "b") {
			t.Errorf("with a disabled target: %s", got)
		}
		if r := p.ctlJSON("target", "drain", addrs[1]); len(r.Targets) != 1 || r.Targets[0].State != "draining" || r.Said != addrs[1]+" is draining" {
			t.Errorf("%+v", r)
		}
		p.ctlText("target", "enable", addrs[1])
		if got := order(t, p, 3); !strings.Contains(got, "b") {
			t.Errorf("with all targets: %s", got)
		}
		if why := p.ctlRefused("target", "disable", "127.0.0.1:1"); !strings.Contains(why, "127.0.0.1:1") {
			t.Error(why)
		}

		p.ctlText("accept", "pause")
		if s := p.ctlJSON("status").Status; !s.Paused {
			t.Errorf("%+v", s)
		}
		waiting := dial(t, p.addr())
		p.ctlText("accept", "resume")
		if name, err := bufio.NewReader(waiting).ReadString('\n'); err != nil {
			t.Errorf("a client that has waited: %q, %v", name, err)
		}

		p.ctlText("log-level", "1")
		if s := p.ctlJSON("status").Status; s.LogLevel != 1 {
			t.Errorf("%+v", s)
		}

		old := p.sessions + ".1"
		if err := os.Rename(p.sessions, old); err != nil {
			t.Fatal(err)
		}
		if text := p.ctlText("reopen"); !strings.Contains(text, p.sessions) {
			t.Errorf("%q", text)
		}
		if _, err := os.Stat(p.sessions); err != nil {
			t.Errorf("after reopen: %v", err)
		}
		p.ctlText("reload")
		if r := p.ctlJSON("reload"); r.Said == "" {
			t.Errorf("%+v", r)
		}
	})
}

// upgrade returns when the new master serves; if it fails, the status is 1
// with the reason, and nothing has changed.
func TestPlugctlUpgrade(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := startUpgradable(t, mode, thisOne, withControl(serve(t, anywhere, echo).addr())...)
		held := hold(t, p, 2)
		p.install(stampedWith(t, nextOne))
		text := p.ctlText("upgrade")
		s := p.ctlJSON("status").Status
		if s.Build != nextOne || s.PID == p.master || text != fmt.Sprintf("PID %d is now the master (version %s)\n", s.PID, nextOne) {
			t.Errorf("%q, %+v", text, s)
		}
		p.replaced(nextOne)
		if n := len(p.ctlJSON("sessions", "--worker-version", thisOne).Sessions); n != 2 {
			t.Errorf("%d sessions are in the old workers, want 2", n)
		}
		hold(t, p, 1)
		if got := p.ctlJSON("sessions", "--other-version", thisOne).Sessions; len(got) != 1 || got[0].Build != nextOne {
			t.Errorf("%+v", got)
		}
		p.write("#!/bin/false\n", 0o755)
		if why := p.ctlRefused("upgrade"); !strings.Contains(why, "exit") {
			t.Errorf("the reason: %s", why)
		}
		r := p.ctlTry("upgrade", "--json")
		if r.status != 1 || !strings.Contains(r.stdout, `"error":"`) {
			t.Errorf("%+v", r)
		}
		if now := p.ctlJSON("status").Status; now.PID != s.PID {
			t.Errorf("after a failed upgrade: %+v", now)
		}
		p.install(stampedWith(t, nextOne))
		for _, c := range held {
			mustPing(t, c)
		}
		if n := len(p.ctlJSON("kill", "--other-version", nextOne).Sessions); n != 2 {
			t.Errorf("%d sessions of the old workers were ended, want 2", n)
		}
	})
}

// stop leaves the sessions alone; with --drain it counts them down on stderr
// and returns with the last one.
func TestPlugctlStop(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, withControl(serve(t, anywhere, echo).addr())...)
		held := hold(t, p, 2)
		if text := p.ctlText("stop"); !strings.Contains(text, "2 sessions continue") {
			t.Errorf("%q", text)
		}
		if code := p.wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, c := range held {
			mustPing(t, c)
			finish(c)
		}
		if r := p.ctlTry("status"); r.status != 2 {
			t.Errorf("after the stop: %+v", r)
		}

		q := start(t, mode, withControl(serve(t, anywhere, echo).addr())...)
		held = hold(t, q, 2)
		cmd := exec.Command(ctlProgram(t), "-s", q.ctl(), "stop", "--drain")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stdout strings.Builder
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		watchdog := time.AfterFunc(talkBound, func() { cmd.Process.Kill() })
		defer watchdog.Stop()
		lines := bufio.NewScanner(stderr)
		for _, want := range []string{"draining: 2 sessions left", "draining: 1 session left"} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%q, want %q", lines.Text(), want)
			}
			finish(held[0])
			held = held[1:]
		}
		for lines.Scan() {
		}
		if err := cmd.Wait(); err != nil || stdout.String() != "the plug has stopped\n" {
			t.Errorf("%v, %q", err, stdout.String())
		}
		if code := q.wait(10 * time.Second); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// The error names a stopped master, and one that the user may not ask.
func TestPlugctlAway(t *testing.T) {
	t.Parallel()
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	stopProcess(t, p.master)
	for _, args := range [][]string{{"status"}, {"kill", "--all"}, {"stop"}} {
		began := time.Now()
		r := p.ctlTry(append(args, "--timeout", "300ms")...)
		if r.status != 2 || !strings.Contains(r.stderr, "no answer within 300ms: the master is stopped") {
			t.Errorf("%q: %+v", args, r)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q: after %v", args, took)
		}
	}
	syscall.Kill(p.master, syscall.SIGCONT)
	// The stopped master may now execute its pending requests: the last was
	// stop.
	if code := p.wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if r := p.ctlTry("status"); r.status != 2 || !strings.Contains(r.stderr, "no such file") {
		t.Errorf("after its end: %+v", r)
	}
}

// Each command that changes something reports in JSON whether it has, and in
// its text if it has not.
func TestPlugctlChanged(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		addr := serve(t, anywhere, echo).addr()
		p := startUpgradable(t, mode, thisOne, withControl(addr)...)
		// The plug may notice on its own that the file was renamed, before the
		// command.
		rotated := func(verb string) {
			await(t, verb+" to change the session file", longWait, func() bool {
				if err := os.Rename(p.sessions, p.sessions+".0"); err != nil {
					t.Fatal(err)
				}
				r := p.ctlJSON(verb)
				return r.Changed != nil && *r.Changed
			})
		}
		if r := p.ctlJSON("status"); r.Changed != nil {
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
			{func() { hold(t, p, 1) }, "kill --all --dry-run", false},
			{nil, "kill --all", true},
			{nil, "upgrade", true},
			{func() { p.replaced(thisOne) }, "log-level 2", false},
			{func() { hold(t, p, 1) }, "stop", true},
		} {
			if c.before != nil {
				c.before()
			}
			args := strings.Fields(c.line)
			if r := p.ctlJSON(args...); r.Changed == nil || *r.Changed != c.changed {
				t.Errorf("%s: %+v, want changed: %v", c.line, r, c.changed)
			}
			if !c.changed && args[0] != "kill" {
				if text := p.ctlText(args...); !strings.HasSuffix(text, " (unchanged)\n") {
					t.Errorf("%s: %q", c.line, text)
				}
			}
		}
	})
}
