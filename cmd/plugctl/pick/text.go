// The text of a filter.

package pick

import (
	"strconv"
	"strings"
	"time"

	"daemon/plug/supervisor/control"
)

// Text formats a filter in the form that Parse reads.
func Text(f *control.Filter) string {
	pids := make([]string, len(f.PIDs))
	for i, pid := range f.PIDs {
		pids[i] = strconv.Itoa(pid)
	}
	var words []string
	for _, w := range []struct{ name, value string }{
		{"id", strings.Join(f.IDs, ",")},
		{"pid", strings.Join(pids, ",")},
		{"plug", f.Plug},
		{"client", f.Client},
		{"target", f.Target},
		{"state", f.State},
		{"older-than", span(f.OlderThan)},
		{"idle-for", span(f.IdleFor)},
		{"worker-version", f.Worker},
		{"other-version", f.NotVersion},
	} {
		if w.value != "" {
			words = append(words, w.name+"="+w.value)
		}
	}
	return strings.Join(words, " ")
}

func span(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return time.Duration(seconds * float64(time.Second)).String()
}
