// Tests of causes: for each way in which a session ends, what the log says.

package test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A sessionEnd is what a client and a target, or an HTTP proxy, do to a
// session, and what the log says about it.
type sessionEnd struct {
	name string
	how  string // name of the plug: see causePlugs
	do   func(t *testing.T, p *harness.Plug, client, target *net.TCPConn)
	want harness.Why
}

const (
	begun      = "relaying"
	halfClosed = "half-closed"
)

var sessionEnds = []sessionEnd{
	{"client first", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		inOrder(t, client, target)
	}, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true}},
	{"client first, without an answer", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		inOrder(t, client, target)
	}, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: false}},
	{"target first", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		inOrder(t, target, client)
	}, harness.Why{Code: "T-", Cause: "target", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true}},
	{"client resets", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		harness.Reset(client)
	}, harness.Why{Code: "CR", Cause: "client", State: begun, Outcome: "cut", Status: 3, Connected: true, Answered: true}},
	{"target resets", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		harness.Reset(target)
	}, harness.Why{Code: "TR", Cause: "target", State: begun, Outcome: "cut", Status: 3, Connected: true, Answered: true}},
	{"client first, then target resets", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		endHalf(t, client, target)
		harness.Reset(target)
	}, harness.Why{Code: "TH", Cause: "target", State: halfClosed, Outcome: "cut", Status: 3, Connected: true, Answered: false}},
	{"client first, then it resets", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		endHalf(t, client, target)
		harness.Reset(client)
	}, harness.Why{Code: "CH", Cause: "client", State: halfClosed, Outcome: "cut", Status: 3, Connected: true, Answered: false}},
	{"target first, then client resets", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		endHalf(t, target, client)
		harness.Reset(client)
	}, harness.Why{Code: "CH", Cause: "client", State: halfClosed, Outcome: "cut", Status: 3, Connected: true, Answered: false}},
	{"target first, then it resets", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		endHalf(t, target, client)
		harness.Reset(target)
	}, harness.Why{Code: "TH", Cause: "target", State: halfClosed, Outcome: "cut", Status: 3, Connected: true, Answered: false}},
	{"client closes while the target goes on sending", "relay", func(t *testing.T, _ *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		client.Close()
		for {
			if _, err := target.Write(make([]byte, 1000)); err != nil {
				return
			}
			harness.Passed(time.Millisecond)
		}
	}, harness.Why{Code: "CH", Cause: "client", State: halfClosed, Outcome: "cut", Status: 3, Connected: true, Answered: true}},

	{"target refuses", "refused", waitForEnd, harness.Why{Code: "TC", Cause: "target", State: "connecting", Outcome: "unreached", Status: 2, Connected: false, Answered: false}},
	{"target is silent", "late", waitForEnd, harness.Why{Code: "tC", Cause: "target timeout", State: "connecting", Outcome: "unreached", Status: 2, Connected: false, Answered: false}},
	{"one target is silent, the next refuses", "both", waitForEnd, harness.Why{Code: "TC", Cause: "target", State: "connecting", Outcome: "unreached", Status: 2, Connected: false, Answered: false}},
	{"client resets meanwhile", "silent", func(t *testing.T, _ *harness.Plug, client, _ *net.TCPConn) { harness.Reset(client) },
		harness.Why{Code: "CC", Cause: "client", State: "connecting", Outcome: "cut", Status: 3, Connected: false, Answered: false}},
	{"no such source address", "nowhere", waitForEnd, harness.Why{Code: "EC", Cause: "error", State: "connecting", Outcome: "denied", Status: 4, Connected: false, Answered: false}},

	{"proxy says no", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 403 Forbidden\r\n\r\n")
		harness.HungUp(client)
	}, harness.Why{Code: "PN", Cause: "proxy", State: "negotiating", Outcome: "denied", Status: 4, Connected: true, Answered: false}},
	{"proxy ends early", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		proxy.Close()
		harness.HungUp(client)
	}, harness.Why{Code: "PN", Cause: "proxy", State: "negotiating", Outcome: "denied", Status: 4, Connected: true, Answered: false}},
	{"proxy resets", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		harness.Reset(proxy)
		harness.HungUp(client)
	}, harness.Why{Code: "PN", Cause: "proxy", State: "negotiating", Outcome: "denied", Status: 4, Connected: true, Answered: false}},
	{"proxy is silent", "proxy", waitForEnd, harness.Why{Code: "pN", Cause: "proxy timeout", State: "negotiating", Outcome: "denied", Status: 4, Connected: true, Answered: false}},
	{"client resets meanwhile, with a proxy", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		harness.Reset(client)
	}, harness.Why{Code: "CN", Cause: "client", State: "negotiating", Outcome: "cut", Status: 3, Connected: true, Answered: false}},
	{"target first, through the proxy", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\nx")
		inOrder(t, proxy, client)
	}, harness.Why{Code: "T-", Cause: "target", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: true}},
	{"client first, through the proxy", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\n")
		inOrder(t, client, proxy)
	}, harness.Why{Code: "C-", Cause: "client", State: "ended", Outcome: "complete", Status: 0, Connected: true, Answered: false}},
	{"target resets, through the proxy", "proxy", func(t *testing.T, _ *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\n")
		tellFirst(t, client, proxy)
		harness.Reset(proxy)
	}, harness.Why{Code: "TR", Cause: "target", State: begun, Outcome: "cut", Status: 3, Connected: true, Answered: true}},
	{"proxy refuses", "noproxy", waitForEnd, harness.Why{Code: "PC", Cause: "proxy", State: "connecting", Outcome: "unreached", Status: 2, Connected: false, Answered: false}},
	{"proxy can't be reached", "lateproxy", waitForEnd, harness.Why{Code: "pC", Cause: "proxy timeout", State: "connecting", Outcome: "unreached", Status: 2, Connected: false, Answered: false}},

	{"KILL", "relay", func(t *testing.T, p *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		syscall.Kill(p.Carrier(client), syscall.SIGKILL)
	}, harness.KilledAt(syscall.SIGKILL, begun, true, true)},
	{"TERM", "relay", func(t *testing.T, p *harness.Plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		syscall.Kill(p.Carrier(client), syscall.SIGTERM)
	}, harness.KilledAt(syscall.SIGTERM, begun, true, true)},
	{"KILL when half-closed", "relay", func(t *testing.T, p *harness.Plug, client, target *net.TCPConn) {
		endHalf(t, client, target)
		syscall.Kill(p.Carrier(client), syscall.SIGKILL)
	}, harness.KilledAt(syscall.SIGKILL, halfClosed, true, false)},
	{"KILL while it connects", "silent", func(t *testing.T, p *harness.Plug, client, _ *net.TCPConn) {
		syscall.Kill(p.Carrier(client), syscall.SIGKILL)
	}, harness.KilledAt(syscall.SIGKILL, "connecting", false, false)},
	{"KILL while it negotiates", "proxy", func(t *testing.T, p *harness.Plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		syscall.Kill(p.Carrier(client), syscall.SIGKILL)
	}, harness.KilledAt(syscall.SIGKILL, "negotiating", true, false)},
}

// causePlugs are the plugs for these ends, by name; the takers accept for
// them.
func causePlugs(t *testing.T, mode string) (plugs map[string]*harness.Plug, takers map[string]*harness.Taker, far *harness.Silent) {
	takers = map[string]*harness.Taker{"relay": harness.ServeTaker(t), "proxy": harness.ServeTaker(t)}
	far = harness.ListenSilent(t)
	none, behind := harness.Refusing(t), "192.0.2.9:119"
	plugs = map[string]*harness.Plug{}
	for how, args := range map[string][]string{
		"relay":     {takers["relay"].Addr()},
		"refused":   {none},
		"late":      {"--connect-timeout", "200ms", far.Addr()},
		"both":      {"--connect-timeout", "200ms", "-o", far.Addr(), none},
		"silent":    {"--connect-timeout", "1m", far.Addr()},
		"nowhere":   {"-p", "192.0.2.1", none},
		"proxy":     {"--connect-timeout", "2s", "-h", takers["proxy"].Addr(), behind},
		"noproxy":   {"-h", none, behind},
		"lateproxy": {"--connect-timeout", "200ms", "-h", far.Addr(), behind},
	} {
		plugs[how] = harness.Start(t, mode, append(append(harness.FewWorkers(mode), "-d", "--log-format", "json"), args...)...)
	}
	return plugs, takers, far
}

// Every row of the manual's tables that a client, a target, a proxy or a
// signal can cause: the log says who ended the session, in which state, and
// when.
func TestCauses(t *testing.T) {
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		plugs, takers, far := causePlugs(t, mode)
		count := map[string]int{}
		for _, end := range sessionEnds {
			t.Run(end.name, func(t *testing.T) {
				p := plugs[end.how]
				waiting := connecting(t, far.Port)
				client := harness.Dial(t, p.Addr())
				var target *net.TCPConn
				if k := takers[end.how]; k != nil {
					select {
					case target = <-k.Taken:
						t.Cleanup(func() { target.Close() })
						target.SetDeadline(time.Now().Add(harness.TalkBound))
					case <-time.After(harness.TalkBound):
						t.Fatal("no session at the target")
					}
				} else if end.how == "silent" {
					awaitConnect(t, far.Port, waiting)
				}
				p.T = t
				end.do(t, p, client, target)
				count[end.how]++
				p.Because(count[end.how], end.want)
			})
		}
		for _, p := range plugs {
			p.T = t
		}
	})
}

// waitForEnd waits for the plug to end the session.
func waitForEnd(t *testing.T, _ *harness.Plug, client, _ *net.TCPConn) {
	if err := harness.HungUp(client); err != nil {
		t.Error(err)
	}
}

// tellFirst makes the session relay, with a byte from the target.
func tellFirst(t *testing.T, client, target *net.TCPConn) {
	t.Helper()
	io.WriteString(target, "x")
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// endHalf ends one side's direction, and waits until the other side has
// noticed.
func endHalf(t *testing.T, from, to *net.TCPConn) {
	t.Helper()
	from.CloseWrite()
	if _, err := io.Copy(io.Discard, to); err != nil {
		t.Fatal(err)
	}
}

// inOrder ends both directions, one after the other.
func inOrder(t *testing.T, first, then *net.TCPConn) {
	t.Helper()
	endHalf(t, first, then)
	endHalf(t, then, first)
}
