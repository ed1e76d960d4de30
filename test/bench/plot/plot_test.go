// Tests of the plot: well-formed, complete, in order.

package plot

import (
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

var picture = Picture{Title: "a <machine> & its load", Panels: []Panel{
	{"CPU", []Row{
		{Name: "ours", Ours: true, Least: 40, Median: 50, Most: 60, Text: "50 (40–60)"},
		{Name: "theirs", Least: 900, Median: 1900, Most: 2100, Text: "1900"},
	}},
	{"nothing", nil},
	{"one", []Row{{Name: "x", Least: 100, Median: 100, Most: 100, Text: "100"}}},
}}

// The SVG is well-formed, self-contained, and has all names and values.
func TestSVGIsWhole(t *testing.T) {
	svg := string(SVG(picture))
	var said strings.Builder
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch tok := tok.(type) {
		case xml.CharData:
			said.Write(tok)
		case xml.StartElement:
			for _, a := range tok.Attr {
				if a.Name.Local == "href" || a.Name.Local == "src" {
					t.Errorf("%s names something elsewhere: %s", tok.Name.Local, a.Value)
				}
			}
		}
	}
	for _, want := range []string{"a <machine> & its load", "ours", "theirs", "50 (40–60)", "1900", "CPU", "prefers-color-scheme:dark"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in it", want)
		}
	}
}

// Every dot lies within its panel's scale, and larger values are further
// right.
func TestDotsAreInOrder(t *testing.T) {
	var xs []float64
	for d := xml.NewDecoder(strings.NewReader(string(SVG(picture)))); ; {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "circle" {
			for _, a := range e.Attr {
				if a.Name.Local == "cx" {
					x, err := strconv.ParseFloat(a.Value, 64)
					if err != nil || x < left || x > right {
						t.Errorf("a dot at %q, %v; the scale is from %d to %d", a.Value, err, left, right)
					}
					xs = append(xs, x)
				}
			}
		}
	}
	if len(xs) != 3 || xs[0] >= xs[1] {
		t.Errorf("dots at %v", xs)
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		least, most float64
		want        scale
		ticks       int
	}{
		{40, 60, scale{20, 100}, 3},
		{1, 1, scale{1, 2}, 2},
		{0.03, 0.4, scale{0.02, 0.5}, 5},
		{5.6, 700, scale{5, 1000}, 8},
		{1, 20000, scale{1, 20000}, 5},
	} {
		got := fit([]Row{{Least: c.least, Most: c.most}})
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9*b }
		if !near(got.low, c.want.low) || !near(got.high, c.want.high) || len(got.ticks()) != c.ticks {
			t.Errorf("from %v to %v: %v with %v, want %v with %d ticks", c.least, c.most, got, got.ticks(), c.want, c.ticks)
		}
	}
}
