// The log line of an ended session: its fields and their order.

package record

import (
	"syscall"
	"time"

	"daemon/plug/worker/board"
)

// End is one ended session, as log lines report it.
type End struct {
	PID      int // of the process that carried it
	Client   string
	Target   string // the last one tried; empty before the first choice
	Outcome  string
	Status   int
	Cause    string // who ended it
	Code     string // culprit and state, in two letters
	State    string // the state at the end
	Reason   string // the error's text; empty if there was none
	In, Out  uint64
	Connect  time.Duration // from accept until the target was connected; 0 if it never was
	First    time.Duration // from accept until the target's first byte; 0 if there was none
	Duration time.Duration // from accept until the session's end
}

// EndOf returns an ended session, as log lines report it.
func EndOf(s *board.Snapshot, outcome board.Outcome, pid int, target string) End {
	end := End{PID: pid, Client: s.Client.String(), Target: target,
		Outcome: outcome.String(), Status: outcome.Status(),
		Cause: s.Cause.String(), Code: s.Cause.Code(), State: s.Cause.Stage().String(),
		In: s.In, Out: s.Out, Duration: since(s, s.Closed), Connect: since(s, s.Connect), First: since(s, s.First)}
	if s.Errno != 0 {
		end.Reason = Reason(syscall.Errno(s.Errno))
	}
	return end
}

// since is the time from the session's start to an event: at least a
// microsecond; 0 if the event did not happen.
func since(s *board.Snapshot, at int64) time.Duration {
	if at == 0 {
		return 0
	}
	return max(time.Microsecond, time.Duration(at-s.BeginAt))
}

// AppendEnd appends the log line of an ended session; the other arguments are
// as in AppendLog. An event that did not happen has no key.
func AppendEnd(dst []byte, json bool, level Level, unixNano int64, offset int32, e *End) []byte {
	kv := append(make([]KV, 0, 16), Str("client", e.Client), Str("target", e.Target),
		Str("outcome", e.Outcome), Num("status", int64(e.Status)),
		Str("cause", e.Cause), Str("code", e.Code), Str("state", e.State))
	if e.Reason != "" {
		kv = append(kv, Str("reason", e.Reason))
	}
	kv = append(kv, Num("in", int64(e.In)), Num("out", int64(e.Out)))
	if e.Connect > 0 {
		kv = append(kv, Ms("connect_ms", e.Connect))
	}
	if e.First > 0 {
		kv = append(kv, Ms("first_byte_ms", e.First))
	}
	kv = append(kv, Ms("duration_ms", e.Duration), Num("pid", int64(e.PID)))
	return AppendLog(dst, json, level, unixNano, offset, "session ended", kv...)
}
