//go:build !linux || portable

// Addresses in the form of golang.org/x/sys/unix.

package kernel

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/address/convert"
)

// An address survives conversion to the system's form and back; a mapped client's address
// becomes IPv4.
func TestAddresses(t *testing.T) {
	for _, text := range []string{"10.1.2.3:40112", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:119", "[2001:db8::7]:1", "[fe80::1]:80"} {
		want := convert.From(netip.MustParseAddrPort(text))
		if want.Kind == 6 {
			want.Zone = 7
		}
		if got := FromUnix(ToUnix(&want)); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	mapped := &unix.SockaddrInet6{Port: 5, Addr: netip.MustParseAddr("::ffff:10.1.2.3").As16(), ZoneId: 7}
	want := convert.From(netip.MustParseAddrPort("10.1.2.3:5"))
	if got := FromUnix(mapped); got != want {
		t.Errorf("mapped: %+v, want %+v", got, want)
	}
}
