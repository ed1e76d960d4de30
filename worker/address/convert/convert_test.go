// Tests of the conversion, and of the board's address texts against net/netip.

package convert

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestFrom(t *testing.T) {
	for _, c := range []struct {
		in, out string
		kind    uint16
	}{
		{"192.0.2.1:80", "192.0.2.1:80", 4},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1:80", 4},
		{"0.0.0.0:0", "0.0.0.0:0", 4},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535", 6},
		{"[::]:1", "[::]:1", 6},
		{"[fe80::1%lo]:5", "[fe80::1]:5", 6}, // the zone is a number, stored separately
	} {
		a := From(netip.MustParseAddrPort(c.in))
		if a.Kind != c.kind || a.String() != c.out {
			t.Errorf("%s: kind %d, %s", c.in, a.Kind, &a)
		}
	}
	none := From(netip.AddrPort{})
	if none.Kind != 0 || none.String() != "-" || none.Host() != "-" {
		t.Errorf("no address came back as %s", &none)
	}
}

// For every address the text is net/netip's, which is canonical.
func TestTextsAreNetips(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		var ip [16]byte
		for i := range ip { // half of the groups are zeros, and many digits are
			if random.IntN(2) == 0 {
				ip[i] = byte(random.Uint32() >> random.IntN(32))
			}
		}
		for i := range 8 {
			if random.IntN(2) == 0 {
				ip[2*i], ip[2*i+1] = 0, 0
			}
		}
		want := netip.AddrPortFrom(netip.AddrFrom16(ip), uint16(random.Uint32()))
		if random.IntN(3) == 0 || want.Addr().Is4In6() {
			want = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), want.Port())
		}
		a := From(want)
		if a.String() != want.String() || a.Host() != want.Addr().String() || a.IP != want.Addr().As16() {
			t.Fatalf("%s, without port %s, of %x; want %s", &a, a.Host(), a.IP, want)
		}
	}
}
