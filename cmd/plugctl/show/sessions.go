// The table of sessions.

package show

import (
	"strconv"

	"daemon/plug/supervisor/control"
)

// Sessions makes the table of sessions, in the given order. Wide adds two
// columns: the times from accept until the target was connected, and until its
// first byte.
func Sessions(sessions []control.Session, wide bool) *Table {
	t := &Table{Spare: []string{"VERSION", "PID", "IDLE", "STATE"}, Columns: []Column{
		{"ID", false}, {"PID", true}, {"CLIENT", false}, {"TARGET", false}, {"STATE", false},
		{"AGE", true}, {"IDLE", true}, {"IN", true}, {"OUT", true}, {"VERSION", false},
	}}
	if wide {
		t.Columns = append(t.Columns, Column{"CONNECT", true}, Column{"FIRST", true})
	}
	var plugs []string
	for i := range sessions {
		s := &sessions[i]
		plugs = append(plugs, s.Plug)
		row := []string{
			s.ID, strconv.Itoa(s.PID), s.Client, orDash(s.Target), s.State,
			Age(s.Age), Age(s.Idle), Bytes(s.In), Bytes(s.Out), s.Build,
		}
		if wide {
			row = append(row, latency(s.Connect), latency(s.First))
		}
		t.Rows = append(t.Rows, row)
	}
	return withPlugs(t, plugs)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
