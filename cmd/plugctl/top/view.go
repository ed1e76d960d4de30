// The View: the lines of the screen, made from the Model.

package top

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
)

// Line is one line of the screen, printable and not wider than the screen.
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

// around is the number of lines around the body: two above it, the table's
// head and the last line. So 20 sessions fit into 24 lines.
const around = 4

// room is the number of rows of the body.
func (m *Model) room() int { return max(0, m.Height-around) }

// View returns the screen: Height lines. If the screen has fewer lines than
// the frame of the body, it shows as much of the frame as fits.
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

// slow is the time after which the screen shows that an answer is late.
const slow = 2 * time.Second

// summary describes the plug in one line. If the master is silent, it says so,
// with the age of the data.
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

// waiting says how many clients wait in the kernel's queue.
func waiting(queue int) string {
	if queue < 0 {
		return "unknown waiting"
	}
	return fmt.Sprintf("%d waiting", queue)
}

// body is the pane's table, as much of it as fits.
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

// bottom is the open prompt, the result of the last order, or the keys.
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

// edges puts one text at the left edge, as much of it as fits, and the other
// one at the right.
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
