// Tests of the session line and of the messages to syslog.

package record

import (
	"net/netip"
	"strings"
	"testing"

	"daemon/plug/worker/address"
	"daemon/plug/worker/address/convert"
)

const sunday = 1795368600 // 2026-11-22 17:30:00 UTC

func addr(s string) *address.Addr {
	a := convert.From(netip.AddrPortFrom(netip.MustParseAddr(s), 40112))
	return &a
}

func TestLine(t *testing.T) {
	for name, test := range map[string]struct {
		line Line
		want string
	}{
		"2.5's": {
			Line{Unix: sunday, PID: 4711, Listen: "119", Peer: *addr("10.1.2.3"), Target: "10.0.3.15:119", In: 1, Out: 1 << 40, Usec: 1234567},
			"[2026-11-22 17:30:00] plug[4711] 119 10.1.2.3 10.0.3.15:119 1 1099511627776 1234567\n",
		},
		"local time": {
			Line{Unix: sunday, Offset: 13*3600 + 45*60, PID: 1, Listen: "10.0.0.1:119", Peer: *addr("::ffff:10.1.2.3"), Target: "10.0.3.15:119"},
			"[2026-11-23 07:15:00] plug[1] 10.0.0.1:119 10.1.2.3 10.0.3.15:119 0 0 0\n",
		},
		"IPv6": {
			Line{Unix: sunday, Offset: -18 * 3600, PID: 4194304, Listen: "[::1]:119", Peer: *addr("fe80::1"), Target: "[2001:db8::1]:119"},
			"[2026-11-21 23:30:00] plug[4194304] [::1]:119 fe80::1 [2001:db8::1]:119 0 0 0\n",
		},
		"greatest counts": {
			Line{Unix: 0, PID: 1, Listen: "1", Peer: *addr("::"), Target: "a:1", In: 1<<64 - 1, Out: 1<<64 - 1, Usec: 1<<64 - 1},
			"[1970-01-01 00:00:00] plug[1] 1 :: a:1 18446744073709551615 18446744073709551615 18446744073709551615\n",
		},
		"nothing known": {
			Line{},
			"[1970-01-01 00:00:00] plug[0] - - - 0 0 0\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(test.line.Append([]byte("before ")))
			if got != "before "+test.want {
				t.Errorf("got  %q\nwant %q", got, "before "+test.want)
			}
			if fields := strings.Fields(got); len(fields) != 1+9 {
				t.Errorf("%d fields in %q", len(fields), got)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	const tag, named = "(119)", "(10.0.0.1 119)"
	for _, test := range []struct{ got, want string }{
		{string(AppendStarted(nil, tag)), "(119): Plugdaemon started."},
		{string(AppendStarted(nil, named)), "(10.0.0.1 119): Plugdaemon started."},
		{string(AppendConnect(nil, tag, addr("10.1.2.3"), "10.0.3.15")), "(119): Connect from 10.1.2.3 to 10.0.3.15"},
		{string(AppendConnect(nil, tag, addr("::ffff:10.1.2.3"), "::1")), "(119): Connect from 10.1.2.3 to ::1"},
		{string(AppendComplete(nil, tag, 0)), "(119): Complete."},
		{string(AppendComplete(nil, tag, 2)), "(119): Complete, status=2."},
		{string(AppendComplete(nil, named, 13)), "(10.0.0.1 119): Complete, status=13."},
		{string(AppendRefused(nil, tag, addr("fe80::1"))), "(119): Connect from fe80::1 Refused."},
		{string(AppendError(nil, tag, "connect 10.0.3.15:119", "Connection refused")), "(119): connect 10.0.3.15:119: Connection refused"},
		{string(AppendComplete([]byte("x "), tag, 0)), "x (119): Complete."},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	buffer := make([]byte, 0, 4096)
	text := []byte("(119): Connect from 10.1.2.3 to 10.0.3.15 \x01 ü")
	mapped, zoned := addr("::ffff:10.1.2.3"), addr("fe80::1")
	line := Line{Unix: sunday, Offset: 3600, PID: 4711, Listen: "119", Peer: *mapped, Target: "10.0.3.15:119", In: 5, Out: 6, Usec: 7}
	hostile := "a \"b\"\x00 <ü>"
	for name, f := range map[string]func(){
		"Line":    func() { line.Append(buffer) },
		"Local":   func() { AppendSyslog(buffer, Notice, sunday, 3600, "", 4711, text) },
		"UDP":     func() { AppendSyslog(buffer, Notice, sunday, 3600, "host", 4711, text) },
		"Connect": func() { AppendConnect(buffer, "(119)", zoned, "10.0.3.15") },
		"Refused": func() { AppendRefused(buffer, "(119)", mapped) },
		"Error":   func() { AppendError(buffer, "(119)", "connect", "Connection refused") },
		"Text": func() {
			AppendLog(buffer, false, LevelError, sunday*1e9, 3600, "session", Str("client", hostile), Num("status", 2))
		},
		"JSON": func() {
			AppendLog(buffer, true, LevelError, sunday*1e9, 3600, "session", Str("client", hostile), Num("status", 2))
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
