// Tests of the Parse functions, one table for each, and fuzz tests.

package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// result is what a table compares: the value's String, or its error's text.
func result(value interface{ String() string }, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return value.String()
}

// expect compares values exactly, but an expected error only by its beginning.
func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want && !(strings.HasPrefix(want, "error: ") && strings.HasPrefix(got, want)) {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestParseSource(t *testing.T) {
	for _, test := range []struct{ text, want, label, tag, outgoing string }{
		{"80", "80", "80", "(80)", ""},
		{"00080", "80", "80", "(80)", ""},
		{":80", "*:80", "80", "(80)", ""},
		{"*:80/eth0", "*:80", "80", "(80)", "eth0"},
		{"10.0.0.1:80/10.0.0.2", "10.0.0.1:80", "10.0.0.1:80", "(10.0.0.1 80)", "10.0.0.2"},
		{"[::1]:80/[::2]", "[::1]:80", "[::1]:80", "(::1 80)", "::2"},
		{"[::ffff:10.0.0.1]:80/::ffff:10.0.0.2", "10.0.0.1:80", "10.0.0.1:80", "(10.0.0.1 80)", "10.0.0.2"},
		{"80/fe80::1%eth0", "80", "80", "(80)", "fe80::1%eth0"},
		{"**:80", "error: expected an address", "", "", ""},
		{"*80", "error: expected port", "", "", ""},
		{":0", "error: expected a port", "", "", ""},
		{"[::1]80", "error: expected an IPv6 address in brackets", "", "", ""},
		{"80/eth0/eth1", "error: after the slash", "", "", ""},
		{"80/eth0 ", "error: after the slash", "", "", ""},
		{"80/..", "error: after the slash", "", "", ""},
		{"80/[eth0]", "error: after the slash", "", "", ""},
		{"80/eth0:1", "error: after the slash", "", "", ""},
		{"[fe80::1%a/b]:80", "error: expected an IPv6 address in brackets", "", "", ""},
		{"[fe80::1%sixteen-letters-]:80", "error: after %, expected an interface", "", "", ""},
	} {
		source, outgoing, err := parseSource(test.text)
		expect(t, test.text, result(source, err), test.want)
		if err != nil {
			if source != (Source{}) || outgoing != (Outgoing{}) {
				t.Errorf("%s: %v, and yet %v %v", test.text, err, source, outgoing)
			}
			continue
		}
		expect(t, test.text+" label", source.Label(), test.label)
		expect(t, test.text+" tag", source.Tag(), test.tag)
		expect(t, test.text+" outgoing", outgoing.String(), test.outgoing)
	}
}

func TestParseTarget(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 62)+".", 4) + "b"
	for _, test := range []struct {
		text  string
		names bool
		want  string
	}{
		{"10.0.0.1", false, "10.0.0.1:80"},
		{"10.0.0.1:81", true, "10.0.0.1:81"},
		{"::1", false, "[::1]:80"},
		{"[::1:81]", false, "[::1:81]:80"},
		{"[::1]:81", false, "[::1]:81"},
		{"[fe80::1%7]:81", false, "[fe80::1%7]:81"},
		{"::ffff:10.0.0.1", false, "10.0.0.1:80"},
		{"a.example", true, "a.example:80"},
		{"a.example:81", true, "a.example:81"},
		{"7-eleven", true, "7-eleven:80"},
		{long, true, long + ":80"},
		{long + "c", true, "error: a host name must be at most 253"},
		{strings.Repeat("a", 64), true, "error: expected a host name of letters"},
		{"a.example", false, "error: expected a numeric address: names are not resolved"},
		{"-a.example", true, "error: expected a host name of letters"},
		{"a.example.", true, "error: expected a host name of letters"},
		{"a.example\r\nX: y", true, "error: expected a numeric port"},
		{"a.example\r", true, "error: expected a host name of letters"},
		{"é.example", true, "error: expected a host name of letters"},
		{"a.example:0", true, "error: expected a port"},
		{"[a.example]:80", true, "error: only IPv6 addresses may be in brackets"},
		{"[]:80", false, "error: only IPv6 addresses may be in brackets"},
		{"10.0.0.1:+1", false, "error: expected a numeric port"},
		{"1.2.3.4.5", true, "error: expected an address"},
	} {
		target, err := parseTarget(test.text, 80, test.names)
		expect(t, test.text, result(target, err), test.want)
	}
}

func TestParseRule(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"10.0.0.1", "10.0.0.1/32"},
		{"10.0.0.5/24", "10.0.0.0/24"},
		{"255.255.255.255/0", "0.0.0.0/0"},
		{"2001:db8::5/33", "2001:db8::/33"},
		{"::ffff:10.1.2.3/112", "10.1.0.0/16"},
		{"::ffff:0.0.0.0/96", "0.0.0.0/0"},
		{"10.0.0.1/+8", "error: after the slash"},
		{"10.0.0.1/8/8", "error: after the slash"},
		{"10.0.0.1 /8", "error: expected ADDRESS"},
		{"010.0.0.1/8", "error: octets must not have"},
		{"[::1]/128", "error: expected ADDRESS"},
	} {
		rule, err := parseRule(test.text)
		expect(t, test.text, result(rule, err), test.want)
	}
}

func TestParseSyslog(t *testing.T) {
	long := "/" + strings.Repeat("x", maxSocketPath("openbsd"))
	for _, test := range []struct{ text, want string }{
		{"/dev/log", "/dev/log"},
		{"udp://10.0.0.1:5514", "udp://10.0.0.1:5514"},
		{"udp://10.0.0.1", "udp://10.0.0.1:514"},
		{"udp://::1", "udp://[::1]:514"},
		{"udp://", "error: after udp://"},
		{"", "error: expected the absolute path of a socket"},
		{long[:len(long)-1], long[:len(long)-1]},
		{long + "more!", "error: the path of a socket must be at most"},
	} {
		syslog, err := parseSyslog(test.text)
		expect(t, test.text, result(syslog, err), test.want)
	}
	for goos, want := range map[string]string{
		"linux": "/dev/log", "openbsd": "/dev/log", "freebsd": "/var/run/log", "darwin": "/var/run/syslog",
	} {
		expect(t, goos, syslogPath(goos), want)
	}
}

func TestParseSeconds(t *testing.T) {
	free := Span{Max: 10 * time.Hour}
	for _, test := range []struct {
		text string
		span Span
		want string
	}{
		{"0", free, "0s"}, {"90", free, "1m30s"}, {"1h", free, "1h0m0s"}, {"1.5s", free, "1.5s"}, {"36000", free, "10h0m0s"},
		{"36001", free, "error: expected a time from 0s to 10h0m0s"},
		{"1.5", free, "1.5s"},
		{".", free, "error: expected seconds"},
		{"", free, "error: expected seconds"},
		{"+5s", free, "error: expected seconds"},
		{" 5", free, "error: expected seconds"},
		{"9223372036854775807", free, "error: expected a time"},
		{"9223372036854775808", free, "error: expected a time"},
		{"1ms", ConnectSpan(), "1ms"},
		{"999us", ConnectSpan(), "error: expected a time from 1ms"},
		{"2097152", StickySpan(), "582h32m32s"},
		{"2097152001ms", StickySpan(), "error: expected a time"},
		{"2147483647", RetrySpan(), "596523h14m7s"},
		{"1ms", RetrySpan(), "error: expected whole seconds"},
		{"1ms", DrainSpan(), "1ms"},
	} {
		d, err := parseSeconds(test.text, test.span)
		expect(t, test.text, result(d, err), test.want)
	}
}

func TestParseAddress(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"10.0.0.1", "10.0.0.1"}, {"::1", "::1"}, {"[::1]", "::1"}, {"[fe80::1%eth0]", "fe80::1%eth0"},
		{"::ffff:10.0.0.1", "10.0.0.1"}, {"[::ffff:10.0.0.1]", "10.0.0.1"},
		{"[10.0.0.1]", "error: only IPv6 addresses may be in brackets"},
		{"[", "error: expected an address"}, {"[]", "error: expected an address"}, {"", "error: expected an address"},
		{"[::1]:80", "error: expected an IPv6 address"},
		{"10.0.0.1:80", "error: expected an address without a port"},
	} {
		addr, err := parseAddress(test.text)
		expect(t, test.text, result(addr, err), test.want)
	}
}

func FuzzParseSource(f *testing.F) {
	for _, seed := range []string{"80", ":80", "*:80/eth0", "[fe80::1%eth0]:80/::1", "10.0.0.1:80/[::1]", "[::ffff:1.2.3.4]:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, outgoing, err := parseSource(text)
		if err != nil {
			return
		}
		again := source.String()
		if outgoing != (Outgoing{}) {
			again += "/" + outgoing.String()
		}
		source2, outgoing2, err := parseSource(again)
		if err != nil || source2 != source || outgoing2 != outgoing || source.Port == 0 || source.Addr.Is4In6() {
			t.Errorf("%q: %+v %+v; %q: %+v %+v, %v", text, source, outgoing, again, source2, outgoing2, err)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"10.0.0.1", "::1:80", "[::1]:80", "a.example:80", "fe80::1%eth0", "[::ffff:1.2.3.4]:1", "::0%]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := parseTarget(text, 7, true)
		if err != nil {
			return
		}
		again, err := parseTarget(target.String(), 9, true)
		if err != nil || again != target || target.Port == 0 || target.Addr.IsValid() == (target.Name != "") {
			t.Errorf("%q: %+v, again %+v, %v", text, target, again, err)
		}
		if strings.ContainsAny(target.Name, " \r\n/@:") {
			t.Errorf("%q: a name for a request: %q", text, target.Name)
		}
	})
}

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"10.0.0.5/24", "::ffff:10.0.0.0/104", "2001:db8::/32", "::1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := parseRule(text)
		if err != nil {
			return
		}
		again, err := parseRule(rule.String())
		if err != nil || again != rule || rule != rule.Masked() || rule.Addr().Is4In6() {
			t.Errorf("%q: %v, again %v, %v", text, rule, again, err)
		}
		address, _, _ := strings.Cut(text, "/")
		if addr := netip.MustParseAddr(address).Unmap(); !rule.Contains(addr) {
			t.Errorf("%q: %v doesn't admit %v", text, rule, addr)
		}
	})
}
