// The tables of plugs, targets and workers.

package show

import (
	"slices"
	"strconv"

	"daemon/plug/supervisor/control"
)

// Targets makes the table of targets.
func Targets(targets []control.Target) *Table {
	t := &Table{Spare: []string{"FAILED FOR", "CONNECTS"}, Columns: []Column{
		{"TARGET", false}, {"STATE", false}, {"SESSIONS", true}, {"CONNECTS", true}, {"FAILURES", true},
		{"FAILED FOR", true}, {"LAST FAILURE", false},
	}}
	var plugs []string
	for i := range targets {
		g := &targets[i]
		plugs = append(plugs, g.Plug)
		failedFor := "-"
		if g.FailedFor > 0 {
			failedFor = Age(g.FailedFor)
		}
		t.Rows = append(t.Rows, []string{
			g.Target, g.State, strconv.Itoa(g.Sessions), strconv.FormatUint(g.Connects, 10),
			strconv.FormatUint(g.Failures, 10), failedFor, orDash(g.LastFailure),
		})
	}
	return withPlugs(t, plugs)
}

// Plugs makes the table of the plugs of one master.
func Plugs(plugs []control.Status) *Table {
	t := &Table{Spare: []string{"QUEUE", "MODE"}, Columns: []Column{
		{"PLUG", false}, {"MODE", false}, {"STATE", false}, {"SESSIONS", true}, {"ACCEPTED", true}, {"QUEUE", true},
		{"WORKERS", false}, {"TARGETS", false},
	}}
	for i := range plugs {
		s := &plugs[i]
		state := Phase(s)
		if s.Trouble != "" {
			state = "trouble: " + s.Trouble
		}
		queue := "-"
		if s.Queue >= 0 {
			queue = strconv.Itoa(s.Queue)
		}
		t.Rows = append(t.Rows, []string{s.Plug, s.Mode, state, strconv.Itoa(s.Sessions), strconv.FormatUint(s.Accepted, 10), queue,
			WorkerCounts(s), TargetCounts(s)})
	}
	return t
}

// withPlugs adds a column with the plug of each row, if there are several.
func withPlugs(t *Table, plugs []string) *Table {
	if len(plugs) == 0 || !slices.ContainsFunc(plugs, func(p string) bool { return p != plugs[0] }) {
		return t
	}
	t.Columns = append([]Column{{"PLUG", false}}, t.Columns...)
	for i := range t.Rows {
		t.Rows[i] = append([]string{plugs[i]}, t.Rows[i]...)
	}
	return t
}

// Workers makes the table of workers.
func Workers(workers []control.Worker) *Table {
	t := &Table{Spare: []string{"GENERATION", "ENDED"}, Columns: []Column{
		{"PID", true}, {"STATE", false}, {"GENERATION", true}, {"SESSIONS", true}, {"ENDED", true}, {"AGE", true},
		{"VERSION", false},
	}}
	var plugs []string
	for i := range workers {
		w := &workers[i]
		plugs = append(plugs, w.Plug)
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(w.PID), w.State, strconv.Itoa(w.Generation), strconv.Itoa(w.Sessions),
			strconv.FormatUint(w.Ended, 10), Age(w.Age), w.Build,
		})
	}
	return withPlugs(t, plugs)
}
