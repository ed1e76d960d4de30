// The output of the command config.

package show

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"daemon/plug/supervisor/control"
)

// Config shows the command line that the plug runs with: what an upgrade would
// start, then every option with its value; times are in seconds.
func Config(c *control.Config) string {
	words := []string{quoted(c.Program)}
	for _, arg := range c.Args {
		words = append(words, quoted(arg))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", Clean(strings.Join(words, " ")))
	names := slices.Sorted(maps.Keys(c.Options))
	wide := 0
	for _, name := range names {
		wide = max(wide, len(name))
	}
	for _, name := range names {
		for i, line := range optionLines(name, c.Options[name]) {
			head := Clean(name)
			if i > 0 {
				head = ""
			}
			fmt.Fprintf(&b, "%-*s  %s\n", wide, head, Clean(orDash(line)))
		}
	}
	return b.String()
}

// optionLines shows an option's value in the option's own form; each target is
// on its own line.
func optionLines(name string, value json.RawMessage) []string {
	var text string
	var list []string
	var user struct {
		UID uint32 `json:"uid"`
		GID uint32 `json:"gid"`
	}
	switch {
	case string(value) == "null":
		return []string{""}
	case json.Unmarshal(value, &text) == nil:
		return []string{text}
	case json.Unmarshal(value, &list) == nil && name == "targets" && len(list) > 0:
		return list
	case json.Unmarshal(value, &list) == nil:
		return []string{strings.Join(list, " ")}
	case json.Unmarshal(value, &user) == nil:
		return []string{fmt.Sprintf("%d:%d", user.UID, user.GID)}
	}
	return []string{string(value)}
}
