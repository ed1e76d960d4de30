// The tables of targets and workers.

package show

import (
	"strconv"

	"daemon/plug/supervisor/control"
)

// Targets makes the table of targets.
func Targets(targets []control.Target) *Table {
	t := &Table{Spare: []string{"FAILED FOR", "CONNECTS"}, Columns: []Column{
		{"TARGET", false}, {"STATE", false}, {"SESSIONS", true}, {"CONNECTS", true}, {"FAILURES", true},
		{"FAILED FOR", true}, {"LAST FAILURE", false},
	}}
	for i := range targets {
		g := &targets[i]
		failedFor := "-"
		if g.FailedFor > 0 {
			failedFor = Age(g.FailedFor)
		}
		t.Rows = append(t.Rows, []string{
			g.Target, g.State, strconv.Itoa(g.Sessions), strconv.FormatUint(g.Connects, 10),
			strconv.FormatUint(g.Failures, 10), failedFor, orDash(g.LastFailure),
		})
	}
	return t
}

// Workers makes the table of workers.
func Workers(workers []control.Worker) *Table {
	t := &Table{Spare: []string{"GENERATION", "ENDED"}, Columns: []Column{
		{"PID", true}, {"STATE", false}, {"GENERATION", true}, {"SESSIONS", true}, {"ENDED", true}, {"AGE", true},
		{"VERSION", false},
	}}
	for i := range workers {
		w := &workers[i]
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(w.PID), w.State, strconv.Itoa(w.Generation), strconv.Itoa(w.Sessions),
			strconv.FormatUint(w.Ended, 10), Age(w.Age), w.Build,
		})
	}
	return t
}
