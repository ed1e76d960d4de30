// A test of when the log has the ends of sessions.

package test

import (
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// Without -d, JSON includes the ends only with -l; syslog and the session file
// get the same as always. A refused client has no session.
func TestCausesInJSON(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		for _, c := range []struct {
			args []string
			ends int
		}{
			{[]string{"-l", "--log-format", "json"}, 1},
			{[]string{"-l"}, 0},
			{[]string{"--log-format", "json"}, 0},
		} {
			p := harness.Start(t, mode, append(append(harness.FewWorkers(mode), c.args...), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
			client := harness.Dial(t, p.Addr())
			harness.MustPing(t, client)
			if err := harness.Finish(client); err != nil {
				t.Fatal(err)
			}
			p.Lines(1)
			if lines := p.Ends(c.ends); c.ends == 1 {
				p.Because(1, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true})
				if lines[0].Level != "info" {
					t.Errorf("%+v is no line of level info", lines[0])
				}
			}
			if c.args[0] == "-l" {
				p.Syslog.Await(t, `\(\d+\): Complete\.`)
			}
			p.Stop()
			if c.ends == 0 && strings.Contains(p.Errors(), "session ended") {
				t.Errorf("%q: the log has %q", c.args, p.Errors())
			}
		}
		p := harness.Start(t, mode, append(harness.FewWorkers(mode), "-d", "--log-format", "json", "-a", "192.0.2.1", harness.Refusing(t))...)
		harness.HungUp(harness.Dial(t, p.Addr()))
		if r := p.Syslog.Await(t, `\(\d+\): Connect from 127\.0\.0\.1 Refused\.`); r.Priority != harness.DaemonNotice {
			t.Errorf("%v: want priority %d", r, harness.DaemonNotice)
		}
		p.Stop()
		p.Ends(0)
		p.Lines(0)
	})
}
