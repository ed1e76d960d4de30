// Tests of sessions and kill on the control socket, compared with ss.

package control

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

	"daemon/plug/test/harness"
)

// The control socket, ss and the pidfile agree about sessions.
func TestControlSessions(t *testing.T) {
	t.Parallel()
	ss := harness.Program(t, "ss")
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := harness.Count(1000)
		p := harness.Start(t, mode, harness.WithControl("--max-workers", fmt.Sprint(n+100), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held := harness.Hold(t, p, n)
		want := map[string]bool{}
		for _, c := range held {
			want[c.LocalAddr().String()] = true
		}
		listed := map[int]bool{}
		for _, pid := range p.Lists(held) {
			listed[pid] = true
		}
		carried := ssCarriers(t, ss, p.Port)
		seen, ids := map[string]bool{}, map[string]bool{}
		for _, s := range p.Asks("sessions", nil).Sessions {
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
		if got := p.Asks("sessions", harness.Fields{"filter": harness.Fields{"client": one[:strings.LastIndexByte(one, ':')], "older_than_seconds": 0}}).Sessions; len(got) != n {
			t.Errorf("%d sessions of the one address, want %d", len(got), n)
		}
		for _, c := range held {
			harness.Finish(c)
		}
		p.Lines(n)
		if s := p.Asks("status", nil).Status; s.Sessions != 0 || s.Accepted != uint64(n) {
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

// ofThreeNetworks holds n sessions, doomed of which are of 127.61/16: those with
// numbers of remainder 1.
func ofThreeNetworks(t *testing.T, p *harness.Plug, n int) (held []*net.TCPConn, doomed int) {
	t.Helper()
	held = make([]*net.TCPConn, n)
	for i := range held {
		network := 60 + i%3
		if network == 61 {
			doomed++
		}
		held[i] = harness.DialAs(t, fmt.Sprintf("127.%d.%d.%d", network, i/200, 1+i%200), p.Addr())
		harness.MustPing(t, held[i])
	}
	return held, doomed
}

// A kill by network ends exactly the sessions of that network.
func TestControlKillClient(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		n := harness.Count(500)
		p := harness.Start(t, mode, harness.WithControl("-l", "--max-workers", fmt.Sprint(n+100), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		held, doomed := ofThreeNetworks(t, p, n)
		filter := harness.Fields{"filter": harness.Fields{"client": "127.61.0.0/16"}}
		dry := harness.Fields{"filter": filter["filter"], "dry_run": true}
		if got := p.Asks("kill", dry).Sessions; len(got) != doomed {
			t.Fatalf("%d sessions would be ended, want %d", len(got), doomed)
		}
		ended := p.Asks("kill", filter)
		if len(ended.Sessions) != doomed {
			t.Errorf("%d sessions ended, want %d: %s", len(ended.Sessions), doomed, ended.Said)
		}
		for i, c := range held {
			c.SetDeadline(time.Now().Add(harness.TalkBound))
			if i%3 != 1 {
				harness.MustPing(t, c)
			} else if err := harness.Ping(c); err == nil {
				t.Errorf("session %d lives", i)
			}
		}
		for _, l := range p.Lines(doomed) {
			if !strings.HasPrefix(l.Peer, "127.61.") || l.In != 1 || l.Out != 1 {
				t.Errorf("session line %+v", l)
			}
		}
		if got := p.Asks("kill", filter).Sessions; len(got) != 0 {
			t.Errorf("once more it ends %d", len(got))
		}
		if m := p.Asks("metrics", nil).Metrics; m.Ended.Of("admin") != uint64(doomed) || m.Sessions != n-doomed {
			t.Errorf("%v ended, %d live", m.Ended, m.Sessions)
		}
		status := p.Asks("sessions", nil).Sessions
		if len(status) != n-doomed {
			t.Errorf("%d sessions are left, want %d", len(status), n-doomed)
		}
		if mode != "pool" && mode != "fork" { // in these modes, the workers continue
			if m := p.Asks("metrics", nil).Metrics; m.Deaths.Signals["9"] != 0 {
				t.Errorf("workers were killed: %v", m.Deaths)
			}
		}
		for i, c := range held {
			if i%3 != 1 {
				harness.Finish(c)
			}
		}
		p.Lines(n)
	})
}

// IDs, PIDs, targets and ages select; the ID of an ended session selects
// nothing.
func TestControlKillByID(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		a, b := harness.Serve(t, harness.Anywhere, harness.Echo).Addr(), harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.Start(t, mode, harness.WithControl(a, b)...)
		held := harness.Hold(t, p, 4)
		all := p.Asks("sessions", nil).Sessions
		if len(all) != 4 {
			t.Fatalf("%+v", all)
		}
		for _, wrong := range []harness.Fields{nil, {"filter": harness.Fields{}}, {"filter": harness.Fields{"ids": []string{"7"}}}, {"filter": harness.Fields{"client": "10.0.0/8"}}, {"filter": harness.Fields{"state": "asleep"}}} {
			p.Refuses(t, "kill", wrong)
		}
		first := harness.Fields{"filter": harness.Fields{"ids": []string{all[0].ID}}}
		if got := p.Asks("kill", first).Sessions; len(got) != 1 || got[0].ID != all[0].ID {
			t.Fatalf("%+v ended", got)
		}
		fresh := harness.Hold(t, p, 4)
		if got := p.Asks("kill", first).Sessions; len(got) != 0 {
			t.Errorf("an id that was used ends %+v", got)
		}
		live := 0
		for _, c := range append(held, fresh...) {
			if harness.Ping(c) == nil {
				live++
			}
		}
		if live != 7 {
			t.Errorf("%d sessions live, want 7", live)
		}
		p.Asks("kill", harness.Fields{"filter": harness.Fields{"target": a}})
		harness.Await(t, "the sessions of the one target to be gone", harness.NormalWait, func() bool {
			return !slices.ContainsFunc(p.Asks("sessions", nil).Sessions, func(s harness.Session) bool { return s.Target != b })
		})
		p.Asks("kill", harness.Fields{"filter": harness.Fields{"all": true}})
		harness.Await(t, "all sessions to be gone", harness.NormalWait, func() bool { return len(p.Asks("sessions", nil).Sessions) == 0 })
		p.Lines(8)
	})
}
