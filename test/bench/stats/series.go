package stats

import (
	"fmt"
	"slices"
)

// Series is one figure's values, one a round.
type Series []float64

// Median is the middle value, or the mean of the two in the middle.
func (s Series) Median() float64 {
	if len(s) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(s))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Over divides round by round, so that what slows a whole round down cancels
// out. Rounds that only one of the two has are left out.
func (s Series) Over(ref Series) Series {
	var out Series
	for i := range min(len(s), len(ref)) {
		if ref[i] != 0 {
			out = append(out, s[i]/ref[i])
		}
	}
	return out
}

// String is the median with the spread, "49.2 (48.0–52.1)", or "–" without
// values.
func (s Series) String() string {
	if len(s) == 0 {
		return "–"
	}
	if len(s) == 1 {
		return digits(s[0])
	}
	return fmt.Sprintf("%s (%s–%s)", digits(s.Median()), digits(slices.Min(s)), digits(slices.Max(s)))
}

// digits shows three significant digits, and all of a whole number's.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
