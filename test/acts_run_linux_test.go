// Tests of how sessions end: each act is played, and everything that the plug
// says about it is compared with the table.

package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Whatever ends a session, in any mode: it ends soon, both sides notice, the
// session file and syslog have its records, and the log says who ended it, in
// which state, when and why. Afterwards nothing is left in the workers.
func TestActs(t *testing.T) {
	t.Parallel()
	if !harness.OwnNet(t) {
		return
	}
	play := func(g *stage) {
		for _, a := range slices.Concat(relayActs, earlyActs, proxyActs) {
			if g.daemon && !slices.Contains([]string{"echo", "resetter", "refused"}, a.how) {
				continue // its session file and syslog are the same
			}
			g.t.Run(a.name, func(t *testing.T) {
				p := g.plugs[a.how]
				if p == nil {
					p = g.hire(g.t, a.how)
					g.plugs[a.how] = p
				}
				g.play(t, a, p)
			})
		}
		for how, p := range g.plugs {
			if !harness.HoldsWithin(8*time.Second, func() bool { return openFiles(p.Plug) <= p.open+mayKeep }) {
				g.t.Errorf("%s: %d descriptors open, %d before", how, openFiles(p.Plug), p.open)
			}
		}
	}
	t.Run("foreground", func(t *testing.T) { onStages(t, false, play) })
	t.Run("daemon", func(t *testing.T) { onStages(t, true, play) }) // whose errors are in syslog
}

// The same for what is done to a whole plug.
func TestMasterActs(t *testing.T) {
	onStages(t, false, func(g *stage) {
		for _, a := range masterActs {
			g.t.Run(a.name, func(t *testing.T) {
				if a.how == "limited" {
					harness.LinuxEngineOnly(t, "it lets clients wait in the queue instead until it has descriptors for both sides")
				}
				g.play(t, a, g.hire(t, a.how))
			})
		}
	})
}

// onStages runs f in every mode, in the foreground or with daemons.
func onStages(t *testing.T, daemon bool, f func(g *stage)) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		f(&stage{t: t, mode: mode, daemon: daemon, taker: harness.ServeTaker(t), far: harness.ListenSilent(t), plugs: map[string]*cast{}})
	})
}

// play plays an act and checks everything.
func (g *stage) play(t *testing.T, a act, p *cast) {
	t.Helper()
	outer := p.T
	p.T = t
	defer func() { p.T = outer }()
	began := time.Now()
	s := g.open(t, a.how, p)
	if slices.ContainsFunc(masterActs, func(m act) bool { return m.name == a.name }) && a.how != "limited" {
		harness.MustPing(t, s.client)
	}
	a.do(s)
	done := time.Now()
	p.ended++
	harness.Await(t, "the session's line", 6*time.Second, func() bool { return len(harness.ParseSessions(t, p.Sessions)) >= p.ended })
	if took := time.Since(done); took > time.Second {
		t.Errorf("the session lasted another %v", took)
	}
	l := harness.Last(p.Lines(p.ended), 1)[0]
	checkLine(t, l, a, p, began)
	if !g.daemon {
		p.Because(p.ended, a.want)
	}
	g.checkRecords(t, a, p, l.PID)
	if s.target != nil {
		learns(t, "target", s.target)
	}
	learns(t, "client", s.client)
}

// checkLine checks the session line of an act.
func checkLine(t *testing.T, l harness.SessionLine, a act, p *cast, began time.Time) {
	t.Helper()
	if l.Listen != strconv.Itoa(p.Port) || l.Peer != "127.0.0.1" || l.Target != p.target {
		t.Errorf("session line %+v, want port %d and target %s", l, p.Port, p.target)
	}
	if a.in >= 0 && l.In != a.in || a.out >= 0 && l.Out != a.out {
		t.Errorf("bytes %d %d, want %d %d", l.In, l.Out, a.in, a.out)
	}
	if took := time.Since(began); l.Took > took || l.Took < 0 {
		t.Errorf("it took %v of %v", l.Took, took)
	}
	if l.Ended.Before(began.Add(-time.Second)) || l.Ended.After(time.Now()) {
		t.Errorf("ended at %v, now is %v", l.Ended, time.Now())
	}
}

// recordsOf are patterns of the records that a session with this end leaves in
// syslog, in order.
func (g *stage) recordsOf(want harness.Why) (all []string) {
	if want.State != "connecting" || want.Outcome != "cut" && want.Outcome != "killed" {
		all = append(all, "Connect from 127.0.0.1 to 127.0.0.1")
	}
	complete := "Complete."
	if want.Status != 0 {
		complete = fmt.Sprintf("Complete, status=%d.", want.Status)
	}
	all = append(all, complete)
	for i, text := range all {
		all[i] = regexp.QuoteMeta(text)
	}
	if strings.HasPrefix(want.Cause, "signal") && want.Outcome == "killed" && g.daemon {
		all = append(all, "session from 127\\.0\\.0\\.1: killed by "+want.Cause)
	}
	return all
}

// checkRecords checks what syslog got for an act: the session's records, with
// its PID, and no others.
func (g *stage) checkRecords(t *testing.T, a act, p *cast, pid int) {
	t.Helper()
	want := g.recordsOf(a.want)
	tag := fmt.Sprintf("(%d): ", p.Port)
	var got []harness.Record
	harness.HoldsWithin(harness.NormalWait, func() bool {
		got = nil
		for _, r := range p.Syslog.All() {
			if text, ours := strings.CutPrefix(r.Text, tag); ours && sessionRecord.MatchString(text) {
				got = append(got, r)
			}
		}
		got = got[min(p.records, len(got)):]
		return len(got) >= len(want)
	})
	p.records += len(got)
	if len(got) != len(want) {
		t.Errorf("syslog has %v, want %q", got, want)
		return
	}
	for i, r := range got {
		priority := harness.DaemonNotice
		if strings.Contains(want[i], "killed") {
			priority = harness.DaemonErr
		}
		if !regexp.MustCompile("^"+regexp.QuoteMeta(tag)+want[i]+"$").MatchString(r.Text) || r.Priority != priority || r.PID != pid {
			t.Errorf("record %d is %v, want %q with priority %d and PID %d", i+1, r, want[i], priority, pid)
		}
	}
}

var sessionRecord = regexp.MustCompile(`^Connect from .* to |^Complete[.,]|killed`)

// learns checks that a peer's connection has ended, by a reset or because this
// side ended it.
func learns(t *testing.T, who string, c *net.TCPConn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the %s was not told: %v", who, err)
	}
}

// openFiles is the number of descriptors of all workers.
func openFiles(p *harness.Plug) (n int) {
	for _, w := range p.Workers() {
		n += len(harness.Descriptors(w.PID))
	}
	return n
}

// mayKeep is the number of descriptors that workers may keep for their next
// sessions: pipes, and in prefork those of one more spare.
const mayKeep = 2*16*harness.PoolWorkers + 24
