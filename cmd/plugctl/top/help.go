// The help screen.

package top

import (
	"strings"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
)

func helpLines() []Line {
	var names []string
	for _, w := range pick.Words {
		names = append(names, w.Name)
	}
	text := []string{
		"",
		"arrows, PageUp, PageDown, Home, End   move",
		"Tab    sessions or targets            Space  refresh now",
		"q, ^C  quit                           ^Z     suspend       ^L  redraw",
		"",
		"Sessions:",
		"  < >  sort by the previous or next column; s asks for one of",
		"       " + strings.Join(show.SortKeys(), " "),
		"  r    reverse the order",
		"  /    filter, by words NAME=VALUE; no word shows all. The names:",
		"       " + strings.Join(names[:5], " "),
		"       " + strings.Join(names[5:], " "),
		"  k    end the session under the cursor, after a question",
		"",
		"Targets:",
		"  d    disable                        D      drain         e   enable",
	}
	lines := make([]Line, len(text))
	for i := range text {
		lines[i].Text = text[i]
	}
	return lines
}
