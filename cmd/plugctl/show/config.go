package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"daemon/plug/supervisor/control"
)

// Config is the command line as the plug runs it: what an upgrade would start,
// then every option with its value.
func Config(c *control.Config) string {
	words := []string{quoted(c.Program)}
	for _, arg := range c.Args {
		words = append(words, quoted(arg))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", Clean(strings.Join(words, " ")))
	names := slices.Sorted(maps.Keys(c.Options))
	wide := len("targets")
	for _, name := range names {
		wide = max(wide, len(name))
	}
	for _, name := range names {
		fmt.Fprintf(&b, "%-*s  %s\n", wide, Clean(name), Clean(orDash(c.Options[name])))
	}
	for i, target := range c.Targets {
		head := ""
		if i == 0 {
			head = "targets"
		}
		fmt.Fprintf(&b, "%-*s  %s\n", wide, head, Clean(target))
	}
	return b.String()
}
