// Tests of sessions and kill on the control socket, compared with ss.

package test

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The control socket, ss and the pidfile agree about sessions.
func TestControlSessions(t *testing.T) {
	ss := program(t, "ss")
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := count(1000)
		p := start(t, mode, withControl("--max-workers", fmt.Sprint(n+100), serve(t, anywhere, echo).addr())...)
		held := hold(t, p, n)
		want := map[string]bool{}
		for _, c := range held {
			want[c.LocalAddr().String()] = true
		}
		listed := map[int]bool{}
		for _, pid := range p.lists(held) {
			listed[pid] = true
		}
		carried := ssCarriers(t, ss, p.port)
		seen, ids := map[string]bool{}, map[string]bool{}
		for _, s := range p.asks("sessions", nil).Sessions {
			if !want[s.Client] || seen[s.Client] || ids[s.ID] {
				t.Fatalf("session %+v: twice, or nobody's", s)
			}
			seen[s.Client], ids[s.ID] = true, true
			if carried[s.Client] != s.PID || !listed[s.PID] {
				t.Errorf("session %+v: ss has it in %d, the pidfile has its process: %v", s, carried[s.Client], listed[s.PID])
			}
			if s.In != 1 || s.Out != 1 || s.State != "relaying" || s.Age <= 0 || s.Age > 300 || s.Connect <= 0 || s.Connect > s.Age {
				t.Errorf("session %+v", s)
			}
		}
		if len(seen) != n || len(carried) != n {
			t.Errorf("%d sessions, ss has %d, and there are %d", len(seen), len(carried), n)
		}
		one := held[n/2].LocalAddr().String()
		if got := p.asks("sessions", fields{"filter": fields{"client": one[:strings.LastIndexByte(one, ':')], "older_than_seconds": 0}}).Sessions; len(got) != n {
			t.Errorf("%d sessions of the one address, want %d", len(got), n)
		}
		for _, c := range held {
			finish(c)
		}
		p.lines(n)
		if s := p.asks("status", nil).Status; s.Sessions != 0 || s.Accepted != uint64(n) {
			t.Errorf("after all have ended: %+v", s)
		}
	})
}

var ssUser = regexp.MustCompile(`pid=(\d+)`)

// ssCarriers is the output of ss: which process of the plug has a client's
// socket.
func ssCarriers(t testing.TB, ss string, port int) map[string]int {
	t.Helper()
	out, err := exec.Command(ss, "-Htnp", "state", "established", "sport", "=", fmt.Sprintf(":%d", port)).Output()
	if err != nil {
		t.Fatal(err)
	}
	carriers := map[string]int{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if m := ssUser.FindStringSubmatch(line); len(f) >= 4 && m != nil {
			carriers[f[3]], _ = strconv.Atoi(m[1])
		}
	}
	return carriers
}

// A kill by network ends exactly the sessions of that network.
func TestControlKillClient(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := count(500)
		p := start(t, mode, withControl("-l", "--max-workers", fmt.Sprint(n+100), serve(t, anywhere, echo).addr())...)
		held := make([]*net.TCPConn, n)
		doomed := 0
		for i := range held {
			network := 60 + i%3 // 127.61/16 is the network to end
			if network == 61 {
				doomed++
			}
			held[i] = dialAs(t, fmt.Sprintf("127.%d.%d.%d", network, i/200, 1+i%200), p.addr())
			mustPing(t, held[i])
		}
		filter := fields{"filter": fields{"client": "127.61.0.0/16"}}
		dry := fields{"filter": filter["filter"], "dry_run": true}
		if got := p.asks("kill", dry).Sessions; len(got) != doomed {
			t.Fatalf("%d sessions would be ended, want %d", len(got), doomed)
		}
		ended := p.asks("kill", filter)
		if len(ended.Sessions) != doomed {
			t.Errorf("%d sessions ended, want %d: %s", len(ended.Sessions), doomed, ended.Said)
		}
		for i, c := range held {
			c.SetDeadline(time.Now().Add(talkBound))
			if i%3 != 1 {
				mustPing(t, c)
			} else if err := ping(c); err == nil {
				t.Errorf("session %d lives", i)
			}
		}
		for _, l := range p.lines(doomed) {
			if !strings.HasPrefix(l.peer, "127.61.") || l.in != 1 || l.out != 1 {
				t.Errorf("session line %+v", l)
			}
		}
		if got := p.asks("kill", filter).Sessions; len(got) != 0 {
			t.Errorf("once more it ends %d", len(got))
		}
		if m := p.asks("metrics", nil).Metrics; m.Ended.of("admin") != uint64(doomed) || m.Sessions != n-doomed {
			t.Errorf("%v ended, %d live", m.Ended, m.Sessions)
		}
		status := p.asks("sessions", nil).Sessions
		if len(status) != n-doomed {
			t.Errorf("%d sessions are left, want %d", len(status), n-doomed)
		}
		if mode != "pool" && mode != "fork" { // in these modes, the workers continue
			if m := p.asks("metrics", nil).Metrics; m.Deaths.Signals["9"] != 0 {
				t.Errorf("workers were killed: %v", m.Deaths)
			}
		}
		for i, c := range held {
			if i%3 != 1 {
				finish(c)
			}
		}
		p.lines(n)
	})
}

// IDs, PIDs, targets and ages select; the ID of an ended session selects
// nothing.
func TestControlKillByID(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, b := serve(t, anywhere, echo).addr(), serve(t, anywhere, echo).addr()
		p := start(t, mode, withControl(a, b)...)
		held := hold(t, p, 4)
		all := p.asks("sessions", nil).Sessions
		if len(all) != 4 {
			t.Fatalf("%+v", all)
		}
		for _, wrong := range []fields{nil, {"filter": fields{}}, {"filter": fields{"ids": []string{"7"}}}, {"filter": fields{"client": "10.0.0/8"}}, {"filter": fields{"state": "asleep"}}} {
			p.refuses(t, "kill", wrong)
		}
		first := fields{"filter": fields{"ids": []string{all[0].ID}}}
		if got := p.asks("kill", first).Sessions; len(got) != 1 || got[0].ID != all[0].ID {
			t.Fatalf("%+v ended", got)
		}
		fresh := hold(t, p, 4)
		if got := p.asks("kill", first).Sessions; len(got) != 0 {
			t.Errorf("an id that was used ends %+v", got)
		}
		live := 0
		for _, c := range append(held, fresh...) {
			if ping(c) == nil {
				live++
			}
		}
		if live != 7 {
			t.Errorf("%d sessions live, want 7", live)
		}
		p.asks("kill", fields{"filter": fields{"target": a}})
		await(t, "the sessions of the one target to be gone", normalWait, func() bool {
			return !slices.ContainsFunc(p.asks("sessions", nil).Sessions, func(s ctlSession) bool { return s.Target != b })
		})
		p.asks("kill", fields{"filter": fields{"all": true}})
		await(t, "all sessions to be gone", normalWait, func() bool { return len(p.asks("sessions", nil).Sessions) == 0 })
		p.lines(8)
	})
}
