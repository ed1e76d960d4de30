// Series of one figure over several rounds: medians, ratios and their text.

package stats

import (
	"fmt"
	"math"
	"slices"
)

// Series is one figure's values, one per round; Missing for a round without
// one.
type Series []float64

// Missing stands for a value that could not be measured.
var Missing = math.NaN()

// Taken returns the values except the missing ones, in ascending order.
func (s Series) Taken() Series {
	return slices.DeleteFunc(slices.Sorted(slices.Values(s)), math.IsNaN)
}

// Median is the middle value, or the mean of the two in the middle; 0 without
// values.
func (s Series) Median() float64 {
	v := s.Taken()
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Over divides round by round, so that an influence on a whole round cancels
// out. Rounds that are missing in one of the two are left out.
func (s Series) Over(ref Series) Series {
	var out Series
	for i := range min(len(s), len(ref)) {
		if ref[i] != 0 && !math.IsNaN(s[i]) && !math.IsNaN(ref[i]) {
			out = append(out, s[i]/ref[i])
		}
	}
	return out
}

// String is the median with the spread, "49.2 (48.0–52.1)", or "–" without
// values.
func (s Series) String() string {
	v := s.Taken()
	switch len(v) {
	case 0:
		return "–"
	case 1:
		return Digits(v[0])
	}
	return fmt.Sprintf("%s (%s–%s)", Digits(v.Median()), Digits(v[0]), Digits(v[len(v)-1]))
}

// Digits formats with three significant digits; whole numbers keep all their
// digits.
func Digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
