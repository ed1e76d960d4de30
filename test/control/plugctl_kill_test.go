// Tests of plugctl kill.

package control

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// killed is a plug whose sessions plugctl kill is to end.
type killed struct {
	*harness.Plug
	t    *testing.T
	held map[string]*net.TCPConn // by the client's address
}

// live are the live sessions, by the client's address.
func (k *killed) live() map[string]harness.Session {
	now := map[string]harness.Session{}
	for _, s := range k.CtlJSON("sessions").Sessions {
		now[addressOf(s.Client)] = s
	}
	return now
}

// picks checks which of the live sessions a kill selects.
func (k *killed) picks(match func(harness.Session) bool, flags ...string) {
	t := k.t
	t.Helper()
	before := k.live()
	want := 0
	for _, s := range before {
		if match(s) {
			want++
		}
	}
	dry := k.CtlTry(append([]string{"kill", "--dry-run"}, flags...)...)
	if got := strings.Count(dry.Stdout, "\n") - 2; dry.Status != 0 || got != want {
		t.Fatalf("kill --dry-run %q: %+v; want %d sessions", flags, dry, want)
	}
	if got := len(k.live()); got != len(before) {
		t.Fatalf("kill --dry-run %q has ended %d", flags, len(before)-got)
	}
	if got := k.CtlJSON(append([]string{"kill"}, flags...)...); len(got.Sessions) != want {
		t.Errorf("kill %q: %+v, want %d sessions", flags, got, want)
	}
	after := k.live()
	for client, s := range before {
		if _, lives := after[client]; lives == match(s) {
			t.Errorf("kill %q: %+v lives: %v", flags, s, lives)
		}
		if match(s) {
			if err := harness.HungUp(k.held[client]); err != nil {
				t.Errorf("kill %q: %s: %v", flags, client, err)
			}
		} else {
			harness.MustPing(t, k.held[client])
		}
	}
	if again := k.CtlTry(append([]string{"kill"}, flags...)...); again.Status != 3 || again.Stderr != "plugctl: no session matches\n" {
		t.Errorf("kill %q once more: %+v", flags, again)
	}
}

// kill ends the sessions that its flags select, and prints them; no other
// session ends.
func TestPlugctlKill(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, b := harness.Serve(t, harness.Anywhere, harness.Echo).Addr(), harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.Start(t, mode, harness.WithControl(a, b)...)
		k := &killed{p, t, map[string]*net.TCPConn{}}
		for i := range 12 {
			client := fmt.Sprintf("127.6.%d.%d", i%3, i+1)
			k.held[client] = harness.DialAs(t, client, p.Addr())
			k.held[client].SetDeadline(time.Now().Add(2 * time.Minute))
			harness.MustPing(t, k.held[client])
		}
		first := k.live()["127.6.0.1"]
		k.picks(func(s harness.Session) bool { return s.ID == first.ID }, first.ID)
		k.picks(func(s harness.Session) bool { return strings.HasPrefix(s.Client, "127.6.1.") }, "--client", "127.6.1.0/24")
		k.picks(func(s harness.Session) bool { return s.Target == a && strings.HasPrefix(s.Client, "127.6.2.") }, "--target", a, "--client", "127.6.2.0/24")
		third := k.live()["127.6.0.4"]
		k.picks(func(s harness.Session) bool { return s.PID == third.PID }, "--pid", fmt.Sprint(third.PID))
		if len(k.live()) > 0 {
			k.picks(func(harness.Session) bool { return true }, "--older-than", "0.001", "--worker-version", p.CtlJSON("status").Status.Build)
		}
		if r := p.CtlTry("kill", "--other-version", p.CtlJSON("status").Status.Build); r.Status != 3 {
			t.Errorf("%+v", r)
		}
		for _, args := range [][]string{{"kill"}, {"kill", "-n"}, {"kill", "--client", ""}, {"kill", "--all", first.ID}} {
			if r := p.CtlTry(args...); r.Status != 5 || r.Stdout != "" {
				t.Errorf("%q: %+v", args, r)
			}
		}
		if why := p.CtlRefused("kill", "nonsense"); !strings.Contains(why, `session "nonsense": must be an ID`) {
			t.Error(why)
		}
		harness.Hold(t, p, 3)
		if text := p.CtlText("kill", "--all"); !strings.HasSuffix(text, "\n3 sessions ended\n") {
			t.Errorf("%s", text)
		}
		p.Lines(15)
	})
}
