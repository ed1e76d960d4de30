// Package plot draws some figures of several proxies as one SVG text: one
// panel for each figure, one row for each proxy, a dot at the median and a
// line over the spread, on a logarithmic scale, since the rows differ by a
// factor of more than a hundred.
package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
)

// Picture is the whole drawing.
type Picture struct {
	Title  string
	Panels []Panel
}

// Panel is one figure.
type Panel struct {
	Title string
	Rows  []Row
}

// Row is one proxy. Least, Median and Most are in the panel's unit and above 0.
type Row struct {
	Name                string
	Ours                bool // highlighted
	Least, Median, Most float64
	Text                string // the values as text
}

// Sizes in user units.
const (
	width   = 760
	left    = 150 // of the scale
	right   = 540 // of the scale; the texts follow
	rowHigh = 22
	head    = 60 // above the first panel
	topRoom = 34 // of a panel, above its rows
	botRoom = 34 // of a panel, below them
)

// style has colours for light and dark screens, and its own background, so
// that it is legible on any page.
const style = `<style>
.ground{fill:#ffffff}.text{fill:#1f2328}.weak{fill:#59636e}.grid{stroke:#d1d9e0}
.peer{fill:#6e7781;stroke:#6e7781}.ours{fill:#0969da;stroke:#0969da}
text{font:13px system-ui,sans-serif}.title{font-weight:600}
@media (prefers-color-scheme:dark){
.ground{fill:#0d1117}.text{fill:#f0f6fc}.weak{fill:#9198a1}.grid{stroke:#3d444d}
.peer{fill:#9198a1;stroke:#9198a1}.ours{fill:#4493f8;stroke:#4493f8}}
</style>
`

// SVG draws the picture.
func SVG(p Picture) []byte {
	var b bytes.Buffer
	height := head
	for _, panel := range p.Panels {
		height += topRoom + botRoom + rowHigh*len(panel.Rows)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n%s", escape(p.Title), style)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	text(&b, 16, 24, "start", "weak", p.Title)
	text(&b, 16, 44, "start", "weak", "A dot is the median of the rounds, its line goes from the least to the most. Scales are logarithmic.")
	y := head
	for _, panel := range p.Panels {
		drawPanel(&b, panel, y)
		y += topRoom + botRoom + rowHigh*len(panel.Rows)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func drawPanel(b *bytes.Buffer, p Panel, y int) {
	text(b, 16, y+20, "start", "text title", p.Title)
	s := fit(p.Rows)
	top, bottom := y+topRoom, y+topRoom+rowHigh*len(p.Rows)
	for _, tick := range s.ticks() {
		x := s.x(tick)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x, x, top, bottom)
		text(b, x, bottom+15, "middle", "weak", fmt.Sprintf("%g", tick))
	}
	for i, row := range p.Rows {
		at := top + rowHigh*i + rowHigh/2
		class := "peer"
		if row.Ours {
			class = "ours"
		}
		text(b, left-10, at+4, "end", "text", row.Name)
		fmt.Fprintf(b, `<line class="%s" stroke-width="3" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", class, s.x(row.Least), s.x(row.Most), at, at)
		fmt.Fprintf(b, `<circle class="%s" r="5" cx="%.1f" cy="%d"/>`+"\n", class, s.x(row.Median), at)
		text(b, right+14, at+4, "start", "text", row.Text)
	}
}

// scale is logarithmic, from one value to another.
type scale struct{ low, high float64 }

// marks of each decade.
var marks = []float64{1, 2, 5}

func fit(rows []Row) scale {
	low, high := math.Inf(1), 0.0
	for _, r := range rows {
		low, high = min(low, r.Least), max(high, r.Most)
	}
	if high == 0 {
		return scale{1, 10}
	}
	s := scale{decade(low), decade(high)}
	for _, m := range marks {
		if d := decade(low) * m; d <= low {
			s.low = d
		}
	}
	for _, m := range []float64{10, 5, 2} {
		if d := decade(high) * m; d >= high {
			s.high = d
		}
	}
	return s
}

func decade(v float64) float64 { return math.Pow(10, math.Floor(math.Log10(v))) }

func (s scale) x(v float64) float64 {
	return left + (right-left)*math.Log(v/s.low)/math.Log(s.high/s.low)
}

// ticks are the marks within the scale; on a long scale only the decades.
func (s scale) ticks() (all []float64) {
	per := marks
	if s.high/s.low > 1000 {
		per = marks[:1]
	}
	for d := decade(s.low); d <= s.high*1.001; d *= 10 {
		for _, m := range per {
			if v := d * m; v >= s.low*0.999 && v <= s.high*1.001 {
				all = append(all, v)
			}
		}
	}
	return all
}

func text[X int | float64](b *bytes.Buffer, x X, y int, anchor, class, s string) {
	fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%d" text-anchor="%s">%s</text>`+"\n", class, float64(x), y, anchor, escape(s))
}

func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
