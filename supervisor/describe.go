// A session as control clients see it: a row of the board as words and numbers.
// Counts get their nouns here.

package supervisor

import (
	"strconv"
	"time"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
)

// howMany returns a number with its noun: 1 session, 2 sessions.
func howMany(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// describe returns a row as control clients see it, at mono, the board's monotonic
// ns. The caller adds what is not on the row (id, PID, target's name, version).
func describe(s *board.Snapshot, mono int64) control.Session {
	seconds := func(ns int64) float64 { return max(0, time.Duration(ns).Seconds()) }
	out := control.Session{Client: s.Client.String(), State: s.Cause.Stage().String(), Begun: time.Unix(0, s.Begin),
		Age: seconds(mono - s.BeginAt), Idle: seconds(mono - max(s.BeginAt, int64(s.Moved)*int64(time.Millisecond))), In: s.In, Out: s.Out}
	if s.Connect != 0 {
		out.Connect = seconds(s.Connect - s.BeginAt)
	}
	if s.First != 0 {
		out.First = seconds(s.First - s.BeginAt)
	}
	return out
}
