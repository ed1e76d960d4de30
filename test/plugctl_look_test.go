package test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Each command that looks says in text and in JSON what is there, by the
// socket's path and by the pidfile.
func TestPlugctlLook(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		a, gone := serve(t, anywhere, echo).addr(), refusing(t)
		p := start(t, mode, withControl("-o", gone, a)...)
		held := hold(t, p, 3)

		text, s := p.ctlText("status"), p.ctlJSON("status").Status
		if s.Mode != mode || s.PID != p.master || s.Shepherd != p.cmd.Process.Pid || s.Sessions != 3 || s.Targets["failed"] != 1 {
			t.Errorf("%+v", s)
		}
		for _, want := range []string{
			fmt.Sprintf("plug       %d, %s, running\n", p.port, mode),
			fmt.Sprintf("master     PID %d, shepherd %d, for ", p.master, p.cmd.Process.Pid),
			"sessions   3 live, 3 accepted\n", "targets    1 good, 1 failed\n", "log level  0\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}

		text = p.ctlText("sessions", "--sort", "client")
		for _, s := range p.ctlJSON("sessions").Sessions {
			row := ctlRow(t, text, s.ID)
			if row[1] != strconv.Itoa(s.PID) || row[2] != s.Client || row[3] != a || row[4] != "relaying" || row[7] != "1" || row[8] != "1" || row[9] != s.Build {
				t.Errorf("%q, and the JSON has %+v", row, s)
			}
		}
		if n := strings.Count(text, "\n"); n != 4 {
			t.Errorf("%d lines:\n%s", n, text)
		}

		targets := p.ctlJSON("targets").Targets
		if len(targets) != 2 || targets[0].Target != gone || targets[0].State != "failed" || targets[1].Sessions != 3 {
			t.Errorf("%+v", targets)
		}
		if row := ctlRow(t, p.ctlText("targets"), gone); row[1] != "failed" || !strings.Contains(strings.Join(row, " "), "refused") {
			t.Errorf("%q", row)
		}

		workers := p.ctlJSON("workers").Workers
		text = p.ctlText("workers")
		live := map[int]bool{}
		for _, q := range p.workers() {
			live[q.pid] = true
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

		c := p.ctlJSON("config").Config
		if c.Program != p.bin || c.Options["ordered"] != "true" || len(c.Targets) != 2 {
			t.Errorf("%+v", c)
		}
		if text := p.ctlText("config"); !strings.HasPrefix(text, p.bin+" -n ") || !strings.Contains(text, "\nmode              "+mode+"\n") {
			t.Errorf("%s", text)
		}

		r := runCtl(t, "/", "-P", p.pidfile, "status")
		if r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("PID %d", p.master)) {
			t.Errorf("by the pidfile: %+v", r)
		}
		if r := p.ctlTry("top", "--json", "--count", "2", "--interval", "0.01"); r.status != 0 || strings.Count(r.stdout, "\n") != 2 || strings.Count(r.stdout, held[0].LocalAddr().String()) != 2 {
			t.Errorf("top --json: %+v", r)
		}
		if r := p.ctlTry("top"); r.status != 1 || !strings.Contains(r.stderr, "top wants a terminal") {
			t.Errorf("top without a terminal: %+v", r)
		}
	})
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

// The list is that of ss and the pidfile, with very many sessions too.
func TestPlugctlSessions(t *testing.T) {
	ss := program(t, "ss")
	forEachMode(t, func(t *testing.T, mode string) {
		n := count(1000)
		p := start(t, mode, withControl("--max-workers", fmt.Sprint(n+100), serve(t, anywhere, echo).addr())...)
		hold(t, p, n)
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

// A daemon, and one after an upgrade, is found by its pidfile, though its
// command line is hidden by its title and its socket was renamed.
func TestPlugctlPidfile(t *testing.T) {
	p := prepare(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	p.install(stampedWith(t, thisOne))
	p.detach()
	status := func() ctlRun { return runCtl(t, "/", "-P", p.pidfile, "status") }
	if r := status(); r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("PID %d, for", p.master)) {
		t.Fatalf("%+v", r)
	}
	p.install(stampedWith(t, nextOne))
	if r := runCtl(t, "/", "-P", p.pidfile, "upgrade"); r.status != 0 || !strings.Contains(r.stdout, "is the master now, version "+nextOne) {
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
	if r := runCtl(t, "/", "-P", q.pidfile, "status"); r.status != 2 || !strings.Contains(r.stderr, "it runs without --control") {
		t.Errorf("a plug without a control socket: %+v", r)
	}
	if r := runCtl(t, "/", "-s", filepath.Join(q.dir, "ctl"), "status"); r.status != 2 || !strings.Contains(r.stderr, "no such file") {
		t.Errorf("no socket: %+v", r)
	}
}
