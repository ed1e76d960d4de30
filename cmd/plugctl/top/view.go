package top

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
)

// Line is one of the screen's, printable and no wider than it.
type Line struct {
	Text  string
	Style Style
}

// Style is how a Line is drawn.
type Style int

const (
	Plain Style = iota
	Bold
	Head   // of a table
	Chosen // under the cursor
)

// around is how many lines stand around the body: two above it, the table's
// head and the last. So 20 sessions fit into 24 lines.
const around = 4

// room is how many rows the body has.
func (m *Model) room() int { return max(0, m.Height-around) }

// View is the screen as it is to be: Height lines. A screen that is lower than
// what stands around the body shows as much of that as there is room for.
func (m *Model) View() []Line {
	lines := []Line{{m.title(), Bold}, m.summary()}
	lines = append(lines, m.body()...)
	for len(lines) < m.Height-1 {
		lines = append(lines, Line{})
	}
	lines = append(lines[:max(0, m.Height-1)], m.bottom())
	for i := range lines {
		lines[i].Text = cut(show.Clean(lines[i].Text), m.Width)
	}
	return lines[:m.Height]
}

func (m *Model) title() string {
	s := m.data.Status
	if s == nil {
		return "plug"
	}
	return fmt.Sprintf("plug %s, %s, %s, PID %d, up %s, version %s",
		s.Label, s.Mode, show.Phase(s), s.PID, show.Age(m.at.Sub(s.Started).Seconds()), s.Build)
}

// slow is how long an answer may take before the screen says so.
const slow = 2 * time.Second

// summary is the plug in a line, or, if the master is silent, that it is: what
// stands below is old then, and its age is said.
func (m *Model) summary() Line {
	var silence string
	switch {
	case m.away != "":
		silence = "NO ANSWER: " + m.away
	case !m.waits.IsZero() && m.Now.Sub(m.waits) > slow:
		silence = fmt.Sprintf("NO ANSWER for %s", show.Age(m.Now.Sub(m.waits).Seconds()))
	case m.data.Status == nil:
		return Line{"waiting for the master", Plain}
	default:
		s := m.data.Status
		return Line{fmt.Sprintf("%s, %s; targets: %s; workers: %s", show.Plural(s.Sessions, "session"), waiting(s.Queue),
			show.TargetCounts(s), show.WorkerCounts(s)), Plain}
	}
	if !m.at.IsZero() {
		silence = fmt.Sprintf("%s OLD. %s", show.Age(m.Now.Sub(m.at).Seconds()), silence)
	}
	return Line{silence, Chosen}
}

// waiting is how many clients do, in the kernel's queue.
func waiting(queue int) string {
	if queue < 0 {
		return "unknown waiting"
	}
	return fmt.Sprintf("%d waiting", queue)
}

// body is the table of the pane, as much of it as there is room for.
func (m *Model) body() []Line {
	if m.pane == help {
		return helpLines()
	}
	table := show.Targets(m.data.Targets)
	if m.pane == sessions {
		table = show.Sessions(m.data.Sessions, false)
	}
	c := &m.lists[m.pane]
	from, to := c.window(len(table.Rows), m.room())
	table.Rows = table.Rows[from:to]
	var lines []Line
	for i, text := range table.Fit(m.Width) {
		style := Plain
		switch {
		case i == 0:
			style = Head
		case from+i-1 == c.row:
			style = Chosen
			text += strings.Repeat(" ", max(0, m.Width-utf8.RuneCountInString(text)))
		}
		lines = append(lines, Line{text, style})
	}
	return lines
}

// bottom is the question that is open, what came of the last order, or the keys.
func (m *Model) bottom() Line {
	switch {
	case m.line != nil:
		return Line{m.line.view(m.Width), Bold}
	case m.note != "":
		return Line{m.note, Bold}
	case m.pane == help:
		return Line{"press any key to return", Plain}
	}
	c := &m.lists[m.pane]
	n := len(m.names(m.pane))
	from, to := c.window(n, m.room())
	where := fmt.Sprintf("%d-%d of %d", min(from+1, n), to, n)
	if m.pane == targets {
		return m.edges("q quit  h help  Tab sessions  d disable  D drain  e enable", where)
	}
	order := m.Sort
	if m.Reverse {
		order += " reversed"
	}
	if only := pick.Text(&m.Filter); only != "" {
		where = "filter " + only + ": " + where
	}
	return m.edges("q quit  h help  Tab targets  / filter  k kill  <> sort: "+order, where)
}

// edges puts one text at the left edge, as much of it as there is room for, the
// other at the right.
func (m *Model) edges(left, right string) Line {
	room := max(0, m.Width-utf8.RuneCountInString(right))
	return Line{fmt.Sprintf("%-*s", room, cut(left, room-1)) + right, Plain}
}

// cut is the beginning of text that fits.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width)])
}
