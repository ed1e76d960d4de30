// Tests of plugctl sessions, and of finding a plug by its pidfile.

package test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The list agrees with ss and the pidfile, also with very many sessions.
func TestPlugctlSessions(t *testing.T) {
	ss := program(t, "ss")
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := count(1000)
		p := start(t, mode, withControl("--max-workers", fmt.Sprint(n+100), serve(t, anywhere, echo).addr())...)
		p.lists(hold(t, p, n)) // the pidfile is slightly late
		listed := map[int]bool{}
		for _, pid := range p.pids() {
			listed[pid] = true
		}
		carried := ssCarriers(t, ss, p.port)
		text := p.ctlText("sessions")
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
		if got := len(p.ctlJSON("sessions", "--client", "127.0.0.0/8").Sessions); got != n {
			t.Errorf("%d sessions in the JSON", got)
		}
	})
}

// A daemon is found by its pidfile, also after an upgrade, although its title
// hides its command line and its socket was renamed.
func TestPlugctlPidfile(t *testing.T) {
	t.Parallel()
	p := prepare(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	p.install(stampedWith(t, thisOne))
	p.detach()
	status := func() ctlRun { return runCtl(t, "/", "-P", p.pidfile, "status") }
	if r := status(); r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("PID %d, for", p.master)) {
		t.Fatalf("%+v", r)
	}
	p.install(stampedWith(t, nextOne))
	if r := runCtl(t, "/", "-P", p.pidfile, "upgrade"); r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("is now the master (version %s)", nextOne)) {
		t.Fatalf("%+v", r)
	}
	p.replaced(nextOne)
	if r := status(); r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("PID %d, for", p.master)) {
		t.Errorf("%+v", r)
	}
	stopProcess(t, p.master)
	r := runCtl(t, "/", "-P", p.pidfile, "status", "--timeout", "0.2")
	if r.status != 2 || !strings.Contains(r.stderr, "no answer within 200ms") || !strings.Contains(r.stderr, "found by "+p.pidfile) {
		t.Errorf("a stopped master: %+v", r)
	}

	q := start(t, "prefork", serve(t, anywhere, echo).addr())
	if r := runCtl(t, "/", "-P", q.pidfile, "status"); r.status != 2 || !strings.Contains(r.stderr, "it runs with --control none") {
		t.Errorf("a plug without a control socket: %+v", r)
	}
	if r := runCtl(t, "/", "-s", filepath.Join(q.dir, "ctl"), "status"); r.status != 2 || !strings.Contains(r.stderr, "no such file") {
		t.Errorf("no socket: %+v", r)
	}
}
