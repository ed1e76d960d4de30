// Tests of plugctl sessions, and of finding a plug by its pidfile.

package control

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// The list agrees with ss and the pidfile, also with very many sessions.
func TestPlugctlSessions(t *testing.T) {
	t.Parallel()
	ss := harness.Program(t, "ss")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := harness.Count(1000)
		p := harness.Start(t, mode, harness.WithControl("--max-workers", fmt.Sprint(n+100), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Lists(harness.Hold(t, p, n)) // the pidfile is slightly late
		listed := map[int]bool{}
		for _, pid := range p.PIDs() {
			listed[pid] = true
		}
		carried := ssCarriers(t, ss, p.Port)
		text := p.CtlText("sessions")
		seen := map[string]bool{}
		for line := range strings.Lines(text) {
			row := strings.Fields(line)
			if row[0] == "ID" {
				continue
			}
			pid, _ := strconv.Atoi(row[1])
			if seen[row[2]] || carried[row[2]] != pid || !listed[pid] {
				t.Errorf("%q: ss has it in %d; in the pidfile: %v; twice: %v", row, carried[row[2]], listed[pid], seen[row[2]])
			}
			seen[row[2]] = true
		}
		if len(seen) != n || len(carried) != n {
			t.Errorf("%d sessions, ss has %d, and there are %d", len(seen), len(carried), n)
		}
		if got := len(p.CtlJSON("sessions", "--client", "127.0.0.0/8").Sessions); got != n {
			t.Errorf("%d sessions in the JSON", got)
		}
	})
}

// A daemon is found by its pidfile, also after an upgrade, although its title
// hides its command line and its socket was renamed.
func TestPlugctlPidfile(t *testing.T) {
	t.Parallel()
	p := harness.Prepare(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Install(harness.Stamped(t, harness.ThisVersion))
	p.Detach()
	status := func() harness.CtlRun { return harness.RunCtl(t, "/", "-P", p.Pidfile, "status") }
	if r := status(); r.Status != 0 || !strings.Contains(r.Stdout, fmt.Sprintf("PID %d, for", p.Master)) {
		t.Fatalf("%+v", r)
	}
	p.Install(harness.Stamped(t, harness.NextVersion))
	if r := harness.RunCtl(t, "/", "-P", p.Pidfile, "upgrade"); r.Status != 0 || !strings.Contains(r.Stdout, fmt.Sprintf("is now the master (version %s)", harness.NextVersion)) {
		t.Fatalf("%+v", r)
	}
	p.Replaced(harness.NextVersion)
	if r := status(); r.Status != 0 || !strings.Contains(r.Stdout, fmt.Sprintf("PID %d, for", p.Master)) {
		t.Errorf("%+v", r)
	}
	harness.StopProcess(t, p.Master)
	r := harness.RunCtl(t, "/", "-P", p.Pidfile, "status", "--timeout", "0.2")
	if r.Status != 2 || !strings.Contains(r.Stderr, "no answer within 200ms") || !strings.Contains(r.Stderr, "found by "+p.Pidfile) {
		t.Errorf("a stopped master: %+v", r)
	}

	q := harness.Start(t, "prefork", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
	if r := harness.RunCtl(t, "/", "-P", q.Pidfile, "status"); r.Status != 2 || !strings.Contains(r.Stderr, "it runs with --control none") {
		t.Errorf("a plug without a control socket: %+v", r)
	}
	if r := harness.RunCtl(t, "/", "-s", filepath.Join(q.Dir, "ctl"), "status"); r.Status != 2 || !strings.Contains(r.Stderr, "no such file") {
		t.Errorf("no socket: %+v", r)
	}
}
