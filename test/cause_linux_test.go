// Tests of causes: for each way in which a session ends, what the log says.

package test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// A sessionEnd is what a client and a target, or an HTTP proxy, do to a
// session, and what the log says about it.
type sessionEnd struct {
	name string
	how  string // name of the plug: see causePlugs
	do   func(t *testing.T, p *plug, client, target *net.TCPConn)
	want why
}

const (
	begun      = "relaying"
	halfClosed = "half-closed"
)

var sessionEnds = []sessionEnd{
	{"client first", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		inOrder(t, client, target)
	}, why{"C-", "client", "ended", "complete", 0, true, true}},
	{"client first, without an answer", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		inOrder(t, client, target)
	}, why{"C-", "client", "ended", "complete", 0, true, false}},
	{"target first", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		inOrder(t, target, client)
	}, why{"T-", "target", "ended", "complete", 0, true, true}},
	{"client resets", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		reset(client)
	}, why{"CR", "client", begun, "cut", 3, true, true}},
	{"target resets", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		reset(target)
	}, why{"TR", "target", begun, "cut", 3, true, true}},
	{"client first, then target resets", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		endHalf(t, client, target)
		reset(target)
	}, why{"TH", "target", halfClosed, "cut", 3, true, false}},
	{"client first, then it resets", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		endHalf(t, client, target)
		reset(client)
	}, why{"CH", "client", halfClosed, "cut", 3, true, false}},
	{"target first, then client resets", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		endHalf(t, target, client)
		reset(client)
	}, why{"CH", "client", halfClosed, "cut", 3, true, false}},
	{"target first, then it resets", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		endHalf(t, target, client)
		reset(target)
	}, why{"TH", "target", halfClosed, "cut", 3, true, false}},
	{"client closes while the target goes on sending", "relay", func(t *testing.T, _ *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		client.Close()
		for {
			if _, err := target.Write(make([]byte, 1000)); err != nil {
				return
			}
			passed(time.Millisecond)
		}
	}, why{"CH", "client", halfClosed, "cut", 3, true, true}},

	{"target refuses", "refused", waitForEnd, why{"TC", "target", "connecting", "unreached", 2, false, false}},
	{"target is silent", "late", waitForEnd, why{"tC", "target timeout", "connecting", "unreached", 2, false, false}},
	{"one target is silent, the next refuses", "both", waitForEnd, why{"TC", "target", "connecting", "unreached", 2, false, false}},
	{"client resets meanwhile", "silent", func(t *testing.T, _ *plug, client, _ *net.TCPConn) { reset(client) },
		why{"CC", "client", "connecting", "cut", 3, false, false}},
	{"no such source address", "nowhere", waitForEnd, why{"EC", "error", "connecting", "denied", 4, false, false}},

	{"proxy says no", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 403 Forbidden\r\n\r\n")
		hungUp(client)
	}, why{"PN", "proxy", "negotiating", "denied", 4, true, false}},
	{"proxy ends early", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		proxy.Close()
		hungUp(client)
	}, why{"PN", "proxy", "negotiating", "denied", 4, true, false}},
	{"proxy resets", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		reset(proxy)
		hungUp(client)
	}, why{"PN", "proxy", "negotiating", "denied", 4, true, false}},
	{"proxy is silent", "proxy", waitForEnd, why{"pN", "proxy timeout", "negotiating", "denied", 4, true, false}},
	{"client resets meanwhile, with a proxy", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		reset(client)
	}, why{"CN", "client", "negotiating", "cut", 3, true, false}},
	{"target first, through the proxy", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\nx")
		inOrder(t, proxy, client)
	}, why{"T-", "target", "ended", "complete", 0, true, true}},
	{"client first, through the proxy", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\n")
		inOrder(t, client, proxy)
	}, why{"C-", "client", "ended", "complete", 0, true, false}},
	{"target resets, through the proxy", "proxy", func(t *testing.T, _ *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		io.WriteString(proxy, "HTTP/1.1 200 OK\r\n\r\n")
		tellFirst(t, client, proxy)
		reset(proxy)
	}, why{"TR", "target", begun, "cut", 3, true, true}},
	{"proxy refuses", "noproxy", waitForEnd, why{"PC", "proxy", "connecting", "unreached", 2, false, false}},
	{"proxy can't be reached", "lateproxy", waitForEnd, why{"pC", "proxy timeout", "connecting", "unreached", 2, false, false}},

	{"KILL", "relay", func(t *testing.T, p *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		syscall.Kill(p.carrier(client), syscall.SIGKILL)
	}, killed(syscall.SIGKILL, begun, true, true)},
	{"TERM", "relay", func(t *testing.T, p *plug, client, target *net.TCPConn) {
		tellFirst(t, client, target)
		syscall.Kill(p.carrier(client), syscall.SIGTERM)
	}, killed(syscall.SIGTERM, begun, true, true)},
	{"KILL when half-closed", "relay", func(t *testing.T, p *plug, client, target *net.TCPConn) {
		endHalf(t, client, target)
		syscall.Kill(p.carrier(client), syscall.SIGKILL)
	}, killed(syscall.SIGKILL, halfClosed, true, false)},
	{"KILL while it connects", "silent", func(t *testing.T, p *plug, client, _ *net.TCPConn) {
		syscall.Kill(p.carrier(client), syscall.SIGKILL)
	}, killed(syscall.SIGKILL, "connecting", false, false)},
	{"KILL while it negotiates", "proxy", func(t *testing.T, p *plug, client, proxy *net.TCPConn) {
		readHead(proxy)
		syscall.Kill(p.carrier(client), syscall.SIGKILL)
	}, killed(syscall.SIGKILL, "negotiating", true, false)},
}

// causePlugs are the plugs for these ends, by name; the takers accept for
// them.
func causePlugs(t *testing.T, mode string) (plugs map[string]*plug, takers map[string]*taker, far *silent) {
	takers = map[string]*taker{"relay": serveTaker(t), "proxy": serveTaker(t)}
	far = listenSilent(t)
	none, behind := refusing(t), "192.0.2.9:119"
	plugs = map[string]*plug{}
	for how, args := range map[string][]string{
		"relay":     {takers["relay"].addr()},
		"refused":   {none},
		"late":      {"--connect-timeout", "200ms", far.addr()},
		"both":      {"--connect-timeout", "200ms", "-o", far.addr(), none},
		"silent":    {"--connect-timeout", "1m", far.addr()},
		"nowhere":   {"-p", "192.0.2.1", none},
		"proxy":     {"--connect-timeout", "2s", "-h", takers["proxy"].addr(), behind},
		"noproxy":   {"-h", none, behind},
		"lateproxy": {"--connect-timeout", "200ms", "-h", far.addr(), behind},
	} {
		plugs[how] = start(t, mode, append(append(one(mode), "-d", "--log-format", "json"), args...)...)
	}
	return plugs, takers, far
}

// Every row of the manual's tables that a client, a target, a proxy or a
// signal can cause: the log says who ended the session, in which state, and
// when.
func TestCauses(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		plugs, takers, far := causePlugs(t, mode)
		count := map[string]int{}
		for _, end := range sessionEnds {
			t.Run(end.name, func(t *testing.T) {
				p := plugs[end.how]
				waiting := connecting(t, far.port)
				client := dial(t, p.addr())
				var target *net.TCPConn
				if k := takers[end.how]; k != nil {
					select {
					case target = <-k.taken:
						t.Cleanup(func() { target.Close() })
						target.SetDeadline(time.Now().Add(talkBound))
					case <-time.After(talkBound):
						t.Fatal("no session at the target")
					}
				} else if end.how == "silent" {
					awaitConnect(t, far.port, waiting)
				}
				p.t = t
				end.do(t, p, client, target)
				count[end.how]++
				p.because(count[end.how], end.want)
			})
		}
		for _, p := range plugs {
			p.t = t
		}
	})
}

// waitForEnd waits for the plug to end the session.
func waitForEnd(t *testing.T, _ *plug, client, _ *net.TCPConn) {
	if err := hungUp(client); err != nil {
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
