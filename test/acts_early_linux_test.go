// The acts that end a session before it relays: while it connects or
// negotiates with a proxy.

package test

import (
	"io"
	"syscall"

	"daemon/plug/test/harness"
)

// failed is how a session ends that never relays.
func failed(code, cause, outcome string, status int, reason string) harness.Why {
	return harness.Why{Code: code, Cause: cause, State: "connecting", Outcome: outcome, Status: status, Reason: reason}
}

// denied is how a session ends that reaches its proxy and is not let through.
func denied(code, cause, outcome string, status int, reason string) harness.Why {
	return harness.Why{Code: code, Cause: cause, State: "negotiating", Outcome: outcome, Status: status, Connected: true, Reason: reason}
}

// earlyActs are done while the plug connects.
var earlyActs = []act{
	{"target refuses", "refused", (*scene).waitForEnd,
		failed("TC", "target", "unreached", 2, "Connection refused"), 0, 0},
	{"target is silent", "late", (*scene).waitForEnd,
		failed("tC", "target timeout", "unreached", 2, "Connection timed out"), 0, 0},
	{"one target is silent, the next refuses", "both", (*scene).waitForEnd,
		failed("TC", "target", "unreached", 2, "Connection refused"), 0, 0},
	{"no such source address", "nowhere", (*scene).waitForEnd,
		failed("EC", "error", "denied", 4, "Cannot assign requested address"), 0, 0},
	{"client resets while the plug connects", "silent", func(s *scene) { harness.Reset(s.client) },
		failed("CC", "client", "cut", 3, lost), 0, 0},
	{"client resets, after bytes, while the plug connects", "silent", func(s *scene) {
		s.client.Write(make([]byte, 1000))
		harness.Reset(s.client)
	}, failed("CC", "client", "cut", 3, lost), 0, 0},
	{"one target has refused, and client resets", "next", func(s *scene) { harness.Reset(s.client) },
		failed("CC", "client", "cut", 3, lost), 0, 0},
	{"KILL while it connects", "silent", func(s *scene) { s.kill(syscall.SIGKILL) },
		harness.KilledAt(syscall.SIGKILL, "connecting", false, false), 0, 0},
	{"proxy refuses", "noproxy", (*scene).waitForEnd,
		failed("PC", "proxy", "unreached", 2, "Connection refused"), 0, 0},
	{"proxy can't be reached", "lateproxy", (*scene).waitForEnd,
		failed("pC", "proxy timeout", "unreached", 2, "Connection timed out"), 0, 0},
}

// proxyActs are done when the proxy has the plug's request.
var proxyActs = []act{
	{"proxy says no", "proxy", func(s *scene) { s.proxySays("HTTP/1.1 403 Forbidden\r\n\r\n"); s.waitForEnd() },
		denied("PN", "proxy", "denied", 4, "403 Forbidden"), 0, 0},
	{"proxy says no and resets", "proxy", func(s *scene) {
		s.proxySays("HTTP/1.1 403 Forbidden\r\n\r\n")
		harness.Reset(s.target)
	}, denied("PN", "proxy", "denied", 4, "403 Forbidden"), 0, 0},
	{"proxy ends", "proxy", func(s *scene) { s.target.Close(); s.waitForEnd() },
		denied("PN", "proxy", "denied", 4, "closed the connection before its reply was complete"), 0, 0},
	{"proxy talks nonsense", "proxy", func(s *scene) { s.proxySays("220 hello\r\n") },
		denied("PN", "proxy", "denied", 4, "malformed status line from the proxy"), 0, 0},
	{"proxy resets", "proxy", func(s *scene) { harness.Reset(s.target) },
		denied("PN", "proxy", "denied", 4, lost), 0, 0},
	{"proxy resets within its reply", "proxy", func(s *scene) { s.proxySays("HTTP/1.1 20"); harness.Reset(s.target) },
		denied("PN", "proxy", "denied", 4, lost), 0, 0},
	{"proxy is silent", "proxy", (*scene).waitForEnd,
		denied("pN", "proxy timeout", "denied", 4, "no reply within --connect-timeout"), 0, 0},
	{"client resets before the proxy's reply", "proxy", func(s *scene) { harness.Reset(s.client) },
		denied("CN", "client", "cut", 3, lost), 0, 0},
	{"KILL while it negotiates", "proxy", func(s *scene) { s.kill(syscall.SIGKILL) },
		harness.KilledAt(syscall.SIGKILL, "negotiating", true, false), 0, 0},

	{"target first, through the proxy", "proxy", func(s *scene) { s.proxySays(connected + "x"); s.inOrder(s.target, s.client) },
		inOrder("T-", "target", true), 0, 1},
	{"client first, through the proxy", "proxy", func(s *scene) { s.proxySays(connected); s.inOrder(s.client, s.target) },
		inOrder("C-", "client", false), 0, 0},
	{"target resets, through the proxy", "proxy", func(s *scene) {
		s.proxySays(connected)
		s.targetSays()
		harness.Reset(s.target)
	}, cut("TR", "target", begun, true, lost), 0, 1},
	{"proxy resets after its reply", "proxy", func(s *scene) {
		s.proxySays(connected + "x")
		if _, err := io.ReadFull(s.client, make([]byte, 1)); err != nil {
			s.t.Error(err)
		}
		harness.Reset(s.target)
	}, cut("TR", "target", begun, true, lost), 0, 1},
}

const connected = "HTTP/1.1 200 OK\r\n\r\n"
