// Tests of the admission rules, also against net/netip's idea of containment.

package board

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"daemon/plug/worker/address/convert"
)

// ruled gives the board these rules, in the master's form.
func ruled(b *Board, rules ...netip.Prefix) *Board {
	for i, p := range rules {
		r := b.Rule(i)
		at := convert.From(netip.AddrPortFrom(p.Addr(), 0))
		r.IP, r.Kind, r.Bits = at.IP, uint32(at.Kind), uint32(p.Bits())
		if at.Kind == 4 {
			r.Bits += 96
		}
	}
	b.Assignment.RuleCount = uint32(len(rules))
	return b
}

func TestAdmit(t *testing.T) {
	a := made1(t)
	for _, c := range []struct {
		rules  []string
		client string
		in     bool
	}{
		{nil, "192.0.2.1", true},
		{nil, "2001:db8::1", true},
		{[]string{"10.0.0.0/8"}, "10.255.255.255", true},
		{[]string{"10.0.0.0/8"}, "11.0.0.0", false},
		{[]string{"10.0.0.0/8"}, "::ffff:10.1.2.3", true}, // mapped clients meet IPv4 rules
		{[]string{"10.0.0.0/8"}, "a00::", false},          // the same bits, another kind
		{[]string{"10.0.0.5/32"}, "10.0.0.5", true},
		{[]string{"10.0.0.5/32"}, "10.0.0.4", false},
		{[]string{"10.0.0.4/31"}, "10.0.0.5", true},
		{[]string{"10.0.0.4/31"}, "10.0.0.6", false},
		{[]string{"0.0.0.0/0"}, "203.0.113.9", true},
		{[]string{"0.0.0.0/0"}, "2001:db8::1", false},
		{[]string{"::/0"}, "2001:db8::1", true},
		{[]string{"::/0"}, "203.0.113.9", false},
		{[]string{"::/0"}, "::ffff:203.0.113.9", false},
		{[]string{"2001:db8::/32"}, "2001:db8:ffff::1", true},
		{[]string{"2001:db8::/32"}, "2001:db9::1", false},
		{[]string{"2001:db8::/64"}, "2001:db8::ffff:0:0:1", true},
		{[]string{"2001:db8::/64"}, "2001:db8:0:1::1", false},
		{[]string{"2001:db8::/65"}, "2001:db8::7fff:0:0:1", true},
		{[]string{"2001:db8::/65"}, "2001:db8::8000:0:0:1", false},
		{[]string{"2001:db8::1/128"}, "2001:db8::1", true},
		{[]string{"2001:db8::1/128"}, "2001:db8::2", false},
		{[]string{"10.0.0.0/8", "192.0.2.0/24", "::1/128"}, "::1", true},
		{[]string{"10.0.0.0/8", "192.0.2.0/24", "::1/128"}, "192.0.2.200", true},
		{[]string{"10.0.0.0/8", "192.0.2.0/24", "::1/128"}, "192.0.3.1", false},
		{[]string{"fe80::/10"}, "fe80::1%eth0", true},
	} {
		var rules []netip.Prefix
		for _, r := range c.rules {
			rules = append(rules, netip.MustParsePrefix(r))
		}
		from := convert.From(netip.AddrPortFrom(netip.MustParseAddr(c.client), 1024))
		if in := ruled(a, rules...).Admit(&from); in != c.in {
			t.Errorf("rules %v, client %s: %v, want %v", c.rules, c.client, in, c.in)
		}
	}
}

// Random networks, and clients inside them or just outside, compared with
// netip's Prefix.Contains.
func TestAdmitAgreesWithPrefix(t *testing.T) {
	random, a := rand.New(rand.NewPCG(7, 8)), made1(t)
	inside := 0
	for range 20_000 {
		var rules []netip.Prefix
		for range 1 + random.IntN(3) {
			rules = append(rules, randomPrefix(random))
		}
		from := near(random, rules[0])
		want := false
		for _, r := range rules {
			want = want || r.Contains(from)
		}
		if want {
			inside++
		}
		c := convert.From(netip.AddrPortFrom(from, 1))
		if in := ruled(a, rules...).Admit(&c); in != want {
			t.Fatalf("rules %v, client %s: %v, want %v", rules, from, in, want)
		}
	}
	if inside < 4000 || inside > 16_000 {
		t.Errorf("%d of 20000 clients were inside: this says little", inside)
	}
}

func randomPrefix(random *rand.Rand) netip.Prefix {
	if random.IntN(2) == 0 {
		ip := [4]byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
		return netip.PrefixFrom(netip.AddrFrom4(ip), random.IntN(33)).Masked()
	}
	var ip [16]byte
	for i := range ip {
		ip[i] = byte(random.Uint32())
	}
	return netip.PrefixFrom(netip.AddrFrom16(ip), random.IntN(129)).Masked()
}

// near is the prefix's address with one bit flipped: outside if that is one of
// the first bits.
func near(random *rand.Rand, p netip.Prefix) netip.Addr {
	ip := p.Addr().AsSlice()
	bit := random.IntN(len(ip) * 8)
	ip[bit/8] ^= 0x80 >> (bit % 8)
	addr, _ := netip.AddrFromSlice(ip)
	return addr
}

// A corrupt count never makes a worker read beyond the table.
func TestRuleCountIsChecked(t *testing.T) {
	a := ruled(made1(t), netip.MustParsePrefix("10.0.0.0/8"))
	a.Assignment.RuleCount = 1 << 31
	from := addr("192.0.2.1:1")
	a.Admit(&from)
}
