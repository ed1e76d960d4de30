// Who ended a session, and how far it had come, as both engines publish it on its row.

package worker

import (
	"syscall"

	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// reach publishes how far a session has come.
func (w *worker) reach(row *board.Row, stage board.Stage) {
	row.Cause.Store(uint32(board.MakeCause(board.Nobody, stage, 0)))
}

// noteFailed publishes that a side has failed with an error, and that the other one gets
// its last bytes. It returns the stage at which the side failed: the end is put down to that.
func (w *worker) noteFailed(row *board.Row, errno syscall.Errno) board.Stage {
	row.Errno.Store(uint32(errno))
	stage := board.Cause(row.Cause.Load()).Stage()
	w.reach(row, board.Delivering)
	return stage
}

// concludes publishes who ended a session, at the stage where it stands.
func (w *worker) concludes(row *board.Row, outcome board.Outcome, who board.Culprit) {
	stage := board.Cause(row.Cause.Load()).Stage()
	if outcome == board.Complete {
		stage = board.InOrder
	}
	signal := syscall.SIGTERM // the only one that a worker lives to tell of
	row.Cause.Store(uint32(board.MakeCause(who, stage, int(signal))))
}

// timedOut tells the end of a side that the system has given up from one that the
// side itself brought about.
func timedOut(who board.Culprit, errno syscall.Errno) board.Culprit {
	if errno != syscall.ETIMEDOUT {
		return who
	}
	switch who {
	case board.ByClient:
		return board.ClientLate
	case board.ByTarget:
		return board.TargetLate
	case board.ByProxy:
		return board.ProxyLate
	}
	return who
}

// peer is who is connected: the target, or the HTTP proxy in its place.
func (w *worker) peer() board.Culprit {
	if w.board.Assignment.Via.Kind != 0 {
		return board.ByProxy
	}
	return board.ByTarget
}

// goesTo is where a connection for a target slot goes: to the HTTP proxy if there
// is one.
func (w *worker) goesTo(slot int) *board.Addr {
	if w.board.Assignment.Via.Kind != 0 {
		return &w.board.Assignment.Via
	}
	return &w.board.Target(slot).Addr
}

// afterConnect is the stage that follows.
func (w *worker) afterConnect() board.Stage {
	if w.board.Assignment.Via.Kind != 0 {
		return board.Negotiating
	}
	return board.Relaying
}

// culprit is whose fault a failed connect is.
func (w *worker) culprit(f *failure) board.Culprit {
	if f.errno == 0 {
		return board.ByAdmin // nobody else leaves no target to be tried
	}
	switch faultOf(f.what, f.errno) {
	case ofTarget:
		return timedOut(w.peer(), f.errno)
	case shortage:
		return board.ByLimit
	}
	return board.ByError
}

// refusalOf stores why a proxy did not let a session through in its row, if an errno
// says it, and returns the reason otherwise.
func refusalOf(row *board.Row, err error) (reason string) {
	if errno, ok := err.(syscall.Errno); ok {
		row.Errno.Store(uint32(errno))
		return ""
	}
	return err.Error()
}

// logs reports whether ends are logged on stderr, and at which level: at -d, and
// in JSON with -l, for those who collect that in the place of syslog.
func (w *worker) logs() (record.Level, bool) {
	const both = board.OptForeground | board.OptJSON | board.OptLog
	switch {
	case w.board.State.LogAt.Load() >= 1:
		return record.LevelDebug, true
	case w.board.Assignment.Options&both == both:
		return record.LevelInfo, true
	}
	return 0, false
}

// logEnd logs the end of a session.
func (w *worker) logEnd(level record.Level, s *board.Snapshot, outcome board.Outcome, reason string) {
	end := record.EndOf(s, outcome, w.pid, w.records.target(int(s.Word.Target())).full)
	if reason != "" {
		end.Reason = reason
	}
	r := &w.records
	r.frame = record.AppendEnd(r.frame[:0], w.board.Assignment.Options&board.OptJSON != 0, level,
		w.clock.wall, w.zone(w.clock.wall/1e9), &end)
	r.say()
}
