// Tests of the output for a master with several plugs.

package show

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/supervisor/control"
)

func TestPlugs(t *testing.T) {
	table := Plugs([]control.Status{
		{Plug: "news", Mode: "prefork", Phase: "running", Sessions: 2, Accepted: 9, Queue: 1, Workers: map[string]int{"busy": 2, "spare": 4}, Targets: map[string]int{"good": 1}},
		{Plug: "sql", Mode: "pool", Phase: "running", Paused: true, Queue: -1, Workers: map[string]int{"spare": 2}, Targets: map[string]int{"failed": 1}},
		{Plug: "web", Mode: "fork", Phase: "running", Trouble: "the listener was shut down by another process"},
	})
	for i, want := range []string{
		"news|prefork|running|2|9|1|2 busy, 4 spare|1 good",
		"sql|pool|running, paused|0|0|-|2 spare|1 failed",
		"web|fork|trouble: the listener was shut down by another process|0|0|0|",
	} {
		if got := strings.Join(table.Rows[i], "|"); !strings.HasPrefix(got, want) {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
	}
	now := time.Unix(1_000_000, 0)
	text := Master(&control.Status{PID: 4, Shepherd: 3, Build: "3.0", Started: now.Add(-time.Minute), Since: now.Add(-time.Second), Upgrades: 1}, now)
	for _, want := range []string{"master     PID 4, shepherd 3, for 1", "version    3.0\n", "1 upgrade since\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

// Tables name the plug of each row only if there are several.
func TestPlugColumn(t *testing.T) {
	for _, c := range []struct {
		plugs []string
		want  bool
	}{{nil, false}, {[]string{"a"}, false}, {[]string{"a", "a"}, false}, {[]string{"a", "b"}, true}} {
		var workers []control.Worker
		for _, p := range c.plugs {
			workers = append(workers, control.Worker{Plug: p})
		}
		table := Workers(workers)
		if got := table.Columns[0].Head == "PLUG"; got != c.want {
			t.Errorf("%v: a column for the plug: %v", c.plugs, got)
		}
		for i, row := range table.Rows {
			if len(row) != len(table.Columns) || c.want && row[0] != c.plugs[i] {
				t.Errorf("%v: row %v", c.plugs, row)
			}
		}
		var targets []control.Target
		var sessions []control.Session
		for _, p := range c.plugs {
			targets, sessions = append(targets, control.Target{Plug: p}), append(sessions, control.Session{Plug: p})
		}
		for _, other := range []*Table{Targets(targets), Sessions(sessions, true)} {
			if slices.ContainsFunc(other.Columns, func(h Column) bool { return h.Head == "PLUG" }) != c.want {
				t.Errorf("%v: columns %v", c.plugs, other.Columns)
			}
		}
	}
}
