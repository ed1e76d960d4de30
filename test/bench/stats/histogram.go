// Package stats summarizes measurements: a histogram for one run's latencies,
// and medians with their spread over a few rounds.
package stats

import "math"

// Histogram counts positive values in buckets 1.6 % wide, so that adding a
// value costs almost nothing and a quantile is exact to 1.6 %. The zero value
// is empty.
type Histogram struct {
	counts [buckets]int64
	total  int64
	max    float64
}

const (
	perOctave = 44
	octaves   = 24 // from 1 to 16 million, in µs: from 1 µs to 16 s
	buckets   = perOctave * octaves
)

// Add counts one value.
func (h *Histogram) Add(v float64) {
	i := 0
	if v > 1 {
		i = min(int(math.Log2(v)*perOctave), buckets-1)
	}
	h.counts[i]++
	h.total++
	h.max = max(h.max, v)
}

// At returns the value below which the share q, from 0 to 1, of all values
// lies; 0 without values.
func (h *Histogram) At(q float64) float64 {
	if h.total == 0 {
		return 0
	}
	if q >= 1 {
		return h.max
	}
	rank := int64(q * float64(h.total))
	for i, n := range h.counts {
		if rank < n {
			return min(math.Exp2((float64(i)+0.5)/perOctave), h.max)
		}
		rank -= n
	}
	return h.max
}
