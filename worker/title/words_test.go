// Tests of the titles' texts.

package title

import (
	"net/netip"
	"testing"

	"daemon/plug/worker/address"
	"daemon/plug/worker/address/convert"
)

func at(text string) *address.Addr {
	a := convert.From(netip.MustParseAddrPort(text))
	return &a
}

func TestWords(t *testing.T) {
	client := at("10.1.2.3:40112")
	for _, test := range []struct{ got, want string }{
		{string(AppendMaster(nil, "119", 3)), "plug: master 119 (3 sessions)"},
		{string(AppendMaster(nil, "119", 1)), "plug: master 119 (1 session)"},
		{string(AppendMaster(nil, "10.0.0.1:119", 0)), "plug: master 10.0.0.1:119 (0 sessions)"},
		{string(AppendSpare(nil, "119")), "plug: 119 spare"},
		{string(AppendSession(nil, "119", client, "10.0.3.15:119")), "plug: 119 10.1.2.3:40112 > 10.0.3.15:119"},
		{
			string(AppendSession(nil, "119", at("[::ffff:10.1.2.3]:40112"), "10.0.3.15:119")),
			"plug: 119 10.1.2.3:40112 > 10.0.3.15:119",
		},
		{
			string(AppendSession(nil, "[::1]:119", at("[fe80::1]:1"), "[2001:db8::1]:119")),
			"plug: [::1]:119 [fe80::1]:1 > [2001:db8::1]:119",
		},
		{string(AppendPool(nil, "119", 12)), "plug: 119 pool (12 sessions)"},
		{string(AppendPool([]byte("x "), "119", 1)), "x plug: 119 pool (1 session)"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	title := &Title{area: make([]byte, 256), args: 100}
	buffer := make([]byte, 0, 256)
	client := at("[::ffff:10.1.2.3]:40112")
	if n := testing.AllocsPerRun(100, func() {
		title.Set(AppendSession(buffer, "119", client, "10.0.3.15:119"))
		title.Set(AppendMaster(buffer, "119", 1234))
		title.Set(AppendPool(buffer, "119", 12))
		title.Set(AppendSpare(buffer, "119"))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNilTitle(t *testing.T) {
	var title *Title
	title.Set([]byte("plug"))
	if room := title.Room(); room != 0 {
		t.Errorf("room %d", room)
	}
}
