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
		"Tab    sessions or targets            Space  ask the master now",
		"q, ^C  quit                           ^Z     suspend       ^L  redraw",
		"",
		"Sessions:",
		"  < >  sort by the column before or behind; s asks for one of",
		"       " + strings.Join(show.SortKeys(), " "),
		"  r    the other way round",
		"  /    show only some, by words NAME=VALUE; none shows all. The names:",
		"       " + strings.Join(names[:5], " "),
		"       " + strings.Join(names[5:], " "),
		"  k    end the session under the cursor; asks first",
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
