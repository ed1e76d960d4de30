// Tests of the difference between two configurations: what only blocks can say counts, too.

package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestDiffOfBlocks(t *testing.T) {
	was := loadExample(t, example).Config
	for _, c := range []struct{ old, new, want string }{
		{"", "", "[]"},
		{`name = "one"`, `name = "two"`, `[plug web: target-names: {"one":"10.0.3.15:8080"} → {"two":"10.0.3.15:8080"} (live)]`},
		{"backlog  = 7", "backlog  = 8", `[plug web: listeners: `},
		{"freebind = true", "freebind = false", `[plug web: freebind: true → false (sockets)]`},
		{":80", ":85", `[plug web: source: "*:80 81 127.0.0.1:82" → "*:85 81 127.0.0.1:82" (sockets)]`},
		{`plug "pool"`, `plug "other"`, `[plug other: added plug pool: removed]`},
		{`spares = "0:8"`, `spares = "0:9"`, "[]"}, // web has its own, and a pool has none
		{`control-group = "log"`, "debug = 1", `[debug: 0 → 1 (live) control-group: "log" → "" (the master alone)]`},
	} {
		text := strings.Replace(example, c.old, c.new, 1)
		diff, err := Diff(was, loadExample(t, text).Config)
		if got := fmt.Sprint(diff); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%q instead of %q: %s, %v; expected %s", c.new, c.old, got, err, c.want)
		}
	}
}
