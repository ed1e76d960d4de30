// Tests of series and histograms.

package stats

import (
	"math"
	"testing"
)

func TestSeries(t *testing.T) {
	for _, c := range []struct {
		s      Series
		median float64
		text   string
	}{
		{nil, 0, "–"},
		{Series{Missing}, 0, "–"},
		{Series{3, Missing, 1, 2}, 2, "2.00 (1.00–3.00)"},
		{Series{5}, 5, "5.00"},
		{Series{30, 10, 20}, 20, "20.0 (10.0–30.0)"},
		{Series{4, 1, 3, 2}, 2.5, "2.50 (1.00–4.00)"},
		{Series{14081, 14088}, 14084.5, "14084 (14081–14088)"},
	} {
		if got := c.s.Median(); got != c.median {
			t.Errorf("%v: median %v, want %v", []float64(c.s), got, c.median)
		}
		if got := c.s.String(); got != c.text {
			t.Errorf("%v: %q, want %q", []float64(c.s), got, c.text)
		}
	}
}

// A round in which everything was twice as slow does not change the ratio.
func TestOver(t *testing.T) {
	got := Series{50, 100, 51}.Over(Series{100, 200, 100})
	if got.Median() != 0.5 || len(got) != 3 {
		t.Errorf("got %v", []float64(got))
	}
	// A round that is missing in one of them has no ratio.
	if got := (Series{Missing, 6, 3}).Over(Series{2, 2, Missing}); len(got) != 1 || got[0] != 3 {
		t.Errorf("got %v", []float64(got))
	}
	if got := (Series{1, 2}).Over(Series{0}); got != nil {
		t.Errorf("a reference of nothing gives %v", []float64(got))
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.At(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	for v := 1; v <= 10000; v++ {
		h.Add(float64(v))
	}
	for _, q := range []float64{0.1, 0.5, 0.9, 0.99} {
		if want := q * 10000; math.Abs(h.At(q)-want) > 0.016*want {
			t.Errorf("the quantile %v is %v, want %v", q, h.At(q), want)
		}
	}
	if h.At(1) != 10000 {
		t.Errorf("the greatest is %v", h.At(1))
	}
	h.Add(0.1)
	h.Add(1e12)
	if h.At(0) > 1.02 || h.At(1) != 1e12 {
		t.Errorf("from %v to %v", h.At(0), h.At(1))
	}
}
