// The output of the command status, and the counts by state.

package show

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"daemon/plug/supervisor/control"
)

// States in the order of the output; states that only a newer master knows
// come after them.
var (
	workerStates = []string{"busy", "spare", "starting", "draining"}
	targetStates = []string{"good", "failing", "failed", "draining", "disabled", "removed"}
)

// lines collects lines with a subject each.
type lines struct{ strings.Builder }

func (l *lines) say(what, format string, args ...any) {
	fmt.Fprintf(l, "%-10s %s\n", what, Clean(fmt.Sprintf(format, args...)))
}

// master adds what belongs to the process.
func (l *lines) master(s *control.Status, now time.Time) {
	master := fmt.Sprintf("PID %d", s.PID)
	if s.Shepherd != 0 {
		master += fmt.Sprintf(", shepherd %d", s.Shepherd)
	}
	l.say("master", "%s, for %s", master, since(s.Since, now))
	l.say("version", "%s", s.Build)
	l.say("started", "%s, %s ago, %s since", s.Started.Local().Format(time.DateTime), since(s.Started, now), Plural(int(s.Upgrades), "upgrade"))
}

// Master shows the process that serves several plugs, in a line for each subject.
func Master(s *control.Status, now time.Time) string {
	var l lines
	l.master(s, now)
	l.say("log level", "%d", s.LogLevel)
	return l.String()
}

// Status shows the plug as a whole, in a line for each subject.
func Status(s *control.Status, now time.Time) string {
	var l lines
	l.say("plug", "%s, %s, %s", s.Label, s.Mode, Phase(s))
	if s.Trouble != "" {
		l.say("trouble", "no client is served: %s", s.Trouble)
	}
	l.master(s, now)
	l.say("sessions", "%d live, %d accepted", s.Sessions, s.Accepted)
	if s.Unwritten > 0 {
		l.say("unwritten", "%s not yet written to the session file", Plural(s.Unwritten, "session line"))
	}
	l.say("queue", "%s", Queue(s))
	l.say("workers", "%s; at most %d", Counts(s.Workers, workerStates), s.Limit)
	l.say("targets", "%s", Counts(s.Targets, targetStates))
	l.say("log level", "%d", s.LogLevel)
	return l.String()
}

// Phase says whether the plug accepts clients.
func Phase(s *control.Status) string {
	if s.Paused {
		return s.Phase + ", paused"
	}
	return s.Phase
}

// Queue says how many clients wait in the kernel's queue.
func Queue(s *control.Status) string {
	if s.Queue < 0 {
		return "unknown"
	}
	return Plural(s.Queue, "client") + " waiting"
}

// WorkerCounts and TargetCounts say how many there are in each state.
func WorkerCounts(s *control.Status) string { return Counts(s.Workers, workerStates) }
func TargetCounts(s *control.Status) string { return Counts(s.Targets, targetStates) }

// Counts lists the states that are not empty, the known ones in their order.
func Counts(count map[string]int, known []string) string {
	var parts []string
	for _, state := range slices.Concat(known, unknown(count, known)) {
		if n := count[state]; n != 0 {
			parts = append(parts, strconv.Itoa(n)+" "+state)
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func unknown(count map[string]int, known []string) []string {
	rest := slices.DeleteFunc(slices.Collect(maps.Keys(count)), func(state string) bool {
		return slices.Contains(known, state)
	})
	slices.Sort(rest)
	return rest
}
