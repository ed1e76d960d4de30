// Tests of readable numbers.

package show

import (
	"math"
	"testing"
)

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1.0K", 1024: "1.0K", 1234: "1.2K", 10188: "9.9K", 10189: "10K",
		34 << 10: "34K", 1023 << 10: "1023K", 1<<20 - 1: "1.0M", 1 << 20: "1.0M", 5 << 29: "2.5G",
		7 << 40: "7.0T", 1 << 50: "1.0P", math.MaxUint64: "16E",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0.0s", -3: "0.0s", 0.04: "0.0s", 0.39: "0.3s", 9.99: "9.9s", 10: "10s", 59.99: "59s", 60: "1m00s",
		252: "4m12s", 3599.9: "59m59s", 3600: "1h00m", 11100: "3h05m", 86399: "23h59m", 86400: "1d00h",
		187200: "2d04h", 8639999: "99d23h", 8640000: "100d", math.Inf(1): "104249991374d",
	} {
		if got := Age(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
	if got := Age(math.NaN()); got != "0.0s" {
		t.Errorf("not a number: %s", got)
	}
}

// TestHumanWidths: the widths that tables rely on.
func TestHumanWidths(t *testing.T) {
	for shift := range 64 {
		for _, n := range []uint64{1 << shift, 1<<shift - 1, 1<<shift + 1<<shift/2} {
			if len(Bytes(n)) > 5 {
				t.Errorf("%d: %q is wider than 5", n, Bytes(n))
			}
		}
	}
	for s := 0.01; s < 8e9; s *= 1.1 {
		if len(Age(s)) > 6 {
			t.Errorf("%g: %q is wider than 6", s, Age(s))
		}
	}
}
