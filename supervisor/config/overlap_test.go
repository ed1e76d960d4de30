// Which two listeners the kernel would not bind.

package config

import "testing"

func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"80", "80", true},
		{"80", "10.0.0.1:80", true},
		{"0.0.0.0:80", "10.0.0.1:80", true},
		{"10.0.0.1:80", "10.0.0.2:80", false},
		{"10.0.0.1:80", "10.0.0.1:80", true},
		{":80", "80", true},
		{":80", "10.0.0.1:80", true},
		{":80", "[2001:db8::1]:80", true},
		{"[::]:80", "80", false},
		{"[::]:80", "10.0.0.1:80", false},
		{"[::]:80", "[2001:db8::1]:80", true},
		{"[::]:80", ":80", true},
		{"[fe80::1%eth0]:80", "[fe80::1%eth1]:80", false},
		{"[fe80::1%eth0]:80", "[fe80::1%eth0]:80", true},
	} {
		a, _, err := parseSource(c.a)
		b, _, err2 := parseSource(c.b)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if got := a.overlaps(b); got != c.want || b.overlaps(a) != c.want {
			t.Errorf("%s and %s overlap: %v, expected %v", c.a, c.b, got, c.want)
		}
	}
}
