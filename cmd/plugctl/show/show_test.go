// Tests of the tables, of sorting, and of the output of status and config.

package show

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/supervisor/control"
)

var someSessions = []control.Session{
	{ID: "1-0-2", PID: 4750, Client: "10.1.2.3:33609", Target: "10.0.3.15:119", State: "relaying", Age: 252, Idle: 0.4, In: 300, Out: 1 << 20, Build: "3.0.0"},
	{ID: "1-3-10", PID: 4749, Client: "10.1.2.20:40327", Target: "", State: "connecting", Age: 1.2, Idle: 1.2, Build: "3.0.0"},
	{ID: "1-3-9", PID: 4751, Client: "[2001:db8::1]:52581", Target: "10.0.3.16:119", State: "half-closed", Age: 90000, Idle: 3600, In: 5 << 20, Out: 2048, Build: "3.0.1",
		Connect: 0.0123, First: 0.5},
}

func TestSessionsTable(t *testing.T) {
	want := `ID      PID CLIENT          TARGET        STATE        AGE IDLE  IN  OUT VERSION
1-0-2  4750 10.1.2.3:33609  10.0.3.15:119 relaying   4m12s 0.4s 300 1.0M 3.0.0
1-3-10 4749 10.1.2.20:40327 -             connecting  1.2s 1.2s   0    0 3.0.0
`
	if got := Sessions(someSessions[:2], false).Text(80); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	wide := Sessions(someSessions, true).Lines(200)
	if !strings.HasSuffix(wide[0], "CONNECT    FIRST") || !strings.HasSuffix(wide[1], "        -        -") || !strings.HasSuffix(wide[3], " 12.3ms  500.0ms") {
		t.Errorf("%q", wide)
	}
}

// TestFit: if a screen is too narrow for all columns, it shows those that
// identify a session and how much it transfers.
func TestFit(t *testing.T) {
	for width, want := range map[int]string{
		90: "ID       PID  CLIENT           TARGET         STATE         AGE  IDLE   IN   OUT  VERSION",
		80: "ID      PID CLIENT          TARGET        STATE        AGE IDLE  IN  OUT VERSION",
		79: "ID      PID CLIENT          TARGET        STATE        AGE IDLE  IN  OUT",
		70: "ID     CLIENT          TARGET        STATE        AGE IDLE  IN  OUT",
		57: "ID      CLIENT           TARGET           AGE   IN   OUT",
		10: "ID     CLIENT          TARGET          AGE  IN  OUT",
	} {
		if got := Sessions(someSessions[:2], false).Fit(width); got[0] != want {
			t.Errorf("%d: %q, want %q", width, got[0], want)
		}
	}
}

// TestTableWidths: two spaces between columns if there is room for them, one
// if not, and nothing is truncated.
func TestTableWidths(t *testing.T) {
	table := &Table{Columns: []Column{{"NAME", false}, {"N", true}, {"STATE", false}}, Rows: [][]string{{"a", "1", "x"}, {"bcdef", "12345", "\x1b"}}}
	want := []string{"NAME       N  STATE", "a          1  x", "bcdef  12345  \\x1b"}
	if got := table.Lines(19); !slices.Equal(got, want) {
		t.Errorf("19 columns: %q, want %q", got, want)
	}
	want = []string{"NAME      N STATE", "a         1 x", "bcdef 12345 \\x1b"}
	for _, width := range []int{18, 17, 1, 0} {
		if got := table.Lines(width); !slices.Equal(got, want) {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
	if got := (&Table{Columns: table.Columns}).Text(80); got != "NAME  N  STATE\n" {
		t.Errorf("no rows: %q", got)
	}
}

func TestSort(t *testing.T) {
	for _, c := range []struct{ key, forward, reverse string }{
		{"id", "1-0-2 1-3-9 1-3-10", "1-3-10 1-3-9 1-0-2"},
		{"pid", "1-3-10 1-0-2 1-3-9", "1-3-9 1-0-2 1-3-10"},
		{"client", "1-0-2 1-3-10 1-3-9", "1-3-9 1-3-10 1-0-2"},
		{"target", "1-0-2 1-3-9 1-3-10", "1-3-10 1-3-9 1-0-2"}, // an empty target comes last
		{"state", "1-3-10 1-3-9 1-0-2", "1-0-2 1-3-9 1-3-10"},
		{"age", "1-3-9 1-0-2 1-3-10", "1-3-10 1-0-2 1-3-9"}, // the longest first
		{"idle", "1-3-9 1-3-10 1-0-2", "1-0-2 1-3-10 1-3-9"},
		{"in", "1-3-9 1-0-2 1-3-10", "1-3-10 1-0-2 1-3-9"},
		{"out", "1-0-2 1-3-9 1-3-10", "1-3-10 1-3-9 1-0-2"},
		{"version", "1-0-2 1-3-10 1-3-9", "1-3-9 1-0-2 1-3-10"}, // equal ones by their IDs, in both directions
	} {
		for reverse, want := range map[bool]string{false: c.forward, true: c.reverse} {
			s := slices.Clone(someSessions)
			rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
			Sort(s, c.key, reverse)
			if got := strings.Join([]string{s[0].ID, s[1].ID, s[2].ID}, " "); got != want {
				t.Errorf("%s, reversed %v: %s, want %s", c.key, reverse, got, want)
			}
		}
	}
	if keys, columns := SortKeys(), Sessions(nil, false).Columns; len(keys) != len(columns) {
		t.Errorf("%d keys for %d columns", len(keys), len(columns))
	}
}

func TestStatus(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.Local)
	s := &control.Status{
		Label: "119", Mode: "prefork", Phase: "running", PID: 4742, Shepherd: 4740, Build: "3.0.0+abc",
		Started: now.Add(-3 * time.Hour), Since: now.Add(-5 * time.Minute), Upgrades: 1,
		Sessions: 20, Accepted: 1234, Workers: map[string]int{"busy": 20, "spare": 4, "draining": 0, "zombie": 1}, Limit: 4096,
		Queue: -1, Targets: map[string]int{"good": 2, "failed": 1}, LogLevel: 1,
	}
	want := `plug       119, prefork, running
master     PID 4742, shepherd 4740, for 5m00s
version    3.0.0+abc
started    2026-11-22 17:00:00, 3h00m ago, 1 upgrade since
sessions   20 live, 1234 accepted
queue      unknown
workers    20 busy, 4 spare, 1 zombie; at most 4096
targets    2 good, 1 failed
log level  1
`
	if got := Status(s, now); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	s.Unwritten = 1
	if got, want := Status(s, now), "\nunwritten  1 session line not yet written to the session file\n"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	s.Paused, s.Queue, s.Shepherd, s.Targets, s.Label = true, 1, 0, nil, "119\x1b[2J\n"
	got := Status(s, now)
	for _, want := range []string{`plug       119\x1b[2J\n, prefork, running, paused` + "\n", "PID 4742, for", "1 client waiting", "targets    none"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestConfig(t *testing.T) {
	c := &control.Config{
		Program: "/usr/local/sbin/plug", Args: []string{"-f", "*:80", "10.0.0.1"},
		Options: map[string]json.RawMessage{"mode": []byte(`"prefork"`), "connect-timeout": []byte("5"), "pidfile": []byte(`""`), "allow": []byte(`["::/0","10.0.0.0/8"]`),
			"user": []byte(`{"name":"www","uid":33,"gid":34,"groups":[34]}`), "control-group": []byte("null"), "targets": []byte(`["10.0.0.1:80","10.0.0.2:80"]`)},
	}
	want := `/usr/local/sbin/plug -f '*:80' 10.0.0.1

allow            ::/0 10.0.0.0/8
connect-timeout  5
control-group    -
mode             prefork
pidfile          -
targets          10.0.0.1:80
                 10.0.0.2:80
user             33:34
`
	if got := Config(c); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}
