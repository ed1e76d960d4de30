// Tests of plugctl's commands that show something.

package control

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// Each command that shows something does so in text and in JSON.
func TestPlugctlLook(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, gone := harness.Serve(t, harness.Anywhere, harness.Echo).Addr(), harness.Refusing(t)
		p := harness.Start(t, mode, harness.WithControl("-o", gone, a)...)
		held := harness.Hold(t, p, 3)

		looksAtStatus(t, p, mode)
		looksAtSessions(t, p, a)
		looksAtTargets(t, p, gone)
		looksAtWorkers(t, p)

		c := p.CtlJSON("config").Config
		if c.Program != p.Bin || c.Options["ordered"] != true || len(c.Options["targets"].([]any)) != 2 {
			t.Errorf("%+v", c)
		}
		if text := p.CtlText("config"); !strings.HasPrefix(text, p.Bin+" -n ") || !strings.Contains(text, "\nmode              "+mode+"\n") {
			t.Errorf("%s", text)
		}

		if r := p.CtlTry("top", "--json", "--count", "2", "--interval", "0.01"); r.Status != 0 || strings.Count(r.Stdout, "\n") != 2 || strings.Count(r.Stdout, held[0].LocalAddr().String()) != 2 {
			t.Errorf("top --json: %+v", r)
		}
		if r := p.CtlTry("top"); r.Status != 1 || !strings.Contains(r.Stderr, "top needs a terminal") {
			t.Errorf("top without a terminal: %+v", r)
		}
	})
}

func looksAtStatus(t *testing.T, p *harness.Plug, mode string) {
	t.Helper()
	text, s := p.CtlText("status"), p.CtlJSON("status").Status
	if s.Mode != mode || s.PID != p.Master || s.Shepherd != p.Cmd.Process.Pid || s.Sessions != 3 || s.Targets["failed"] != 1 {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{
		fmt.Sprintf("plug       %d, %s, running\n", p.Port, mode),
		fmt.Sprintf("master     PID %d, shepherd %d, for ", p.Master, p.Cmd.Process.Pid),
		"sessions   3 live, 3 accepted\n", "targets    1 good, 1 failed\n", "log level  0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func looksAtSessions(t *testing.T, p *harness.Plug, a string) {
	t.Helper()
	text := p.CtlText("sessions", "--sort", "client")
	for _, s := range p.CtlJSON("sessions").Sessions {
		row := ctlRow(t, text, s.ID)
		if row[1] != strconv.Itoa(s.PID) || row[2] != s.Client || row[3] != a || row[4] != "relaying" || row[7] != "1" || row[8] != "1" || row[9] != s.Build {
			t.Errorf("%q, and the JSON has %+v", row, s)
		}
	}
	if n := strings.Count(text, "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

func looksAtTargets(t *testing.T, p *harness.Plug, gone string) {
	t.Helper()
	targets := p.CtlJSON("targets").Targets
	if len(targets) != 2 || targets[0].Target != gone || targets[0].State != "failed" || targets[1].Sessions != 3 {
		t.Errorf("%+v", targets)
	}
	if row := ctlRow(t, p.CtlText("targets"), gone); row[1] != "failed" || !strings.Contains(strings.Join(row, " "), "refused") {
		t.Errorf("%q", row)
	}
}

func looksAtWorkers(t *testing.T, p *harness.Plug) {
	t.Helper()
	workers := p.CtlJSON("workers").Workers
	text := p.CtlText("workers")
	live := map[int]bool{}
	for _, q := range p.Workers() {
		live[q.PID] = true
	}
	sessions := 0
	for _, w := range workers {
		sessions += w.Sessions
		if !live[w.PID] {
			t.Errorf("worker %+v is no process", w)
		}
		if row := ctlRow(t, text, strconv.Itoa(w.PID)); row[1] != w.State {
			t.Errorf("%q, and the JSON has %+v", row, w)
		}
	}
	if sessions != 3 {
		t.Errorf("the workers have %d sessions", sessions)
	}
}

// ctlRow is the row of a table that begins with a word.
func ctlRow(t *testing.T, table, word string) []string {
	t.Helper()
	for line := range strings.Lines(table) {
		if row := strings.Fields(line); row[0] == word {
			return row
		}
	}
	t.Fatalf("no row %q in\n%s", word, table)
	return nil
}
