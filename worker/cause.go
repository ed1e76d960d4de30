// Who ended a session and how far it had come, as both engines publish it on its row.

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

// noteFailed publishes that a side has failed with an error, and that the other one is
// getting its last bytes. It returns the stage at which the side failed, which becomes
// the stage of the session's end.
func (w *worker) noteFailed(row *board.Row, errno syscall.Errno) board.Stage {
	row.Errno.Store(uint32(errno))
	stage := board.Cause(row.Cause.Load()).Stage()
	w.reach(row, board.Delivering)
	return stage
}

// concludes publishes who, or which timer, ended a session, at its current stage.
func (w *worker) concludes(row *board.Row, outcome board.Outcome, who board.Culprit, timer board.Timer) {
	stage := board.Cause(row.Cause.Load()).Stage()
	if outcome == board.Complete {
		stage = board.InOrder
	}
	detail := int(syscall.SIGTERM) // the only signal after which a worker still lives to report it
	if who == board.ByTimer {
		detail = int(timer)
	}
	row.Cause.Store(uint32(board.MakeCause(who, stage, detail)))
}

// timedOut distinguishes a side that the kernel gave up (a timeout) from one that failed
// otherwise.
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

// vanished reports whether the error of a connection says that the kernel has given its
// peer up. If the last that it heard is that the peer can't be reached, it reports that
// instead of the timeout; on its own, that news does not end a connection (tcp(7)).
func vanished(errno syscall.Errno) bool {
	switch errno {
	case syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH:
		return true
	}
	return false
}

// failing is who has ended a session by the error of its connection.
func failing(who board.Culprit, errno syscall.Errno) board.Culprit {
	if vanished(errno) {
		return timedOut(who, syscall.ETIMEDOUT)
	}
	return who
}

// peer is who the worker is connected to: the target, or the HTTP proxy instead.
func (w *worker) peer() board.Culprit {
	if w.board.Assignment.Via.Kind != 0 {
		return board.ByProxy
	}
	return board.ByTarget
}

// goesTo is the address that a connection for a target slot goes to: the HTTP proxy's if
// there is one.
func (w *worker) goesTo(slot int) *board.Addr {
	if w.board.Assignment.Via.Kind != 0 {
		return &w.board.Assignment.Via
	}
	return &w.board.Target(slot).Addr
}

// afterConnect is the stage after connecting.
func (w *worker) afterConnect() board.Stage {
	if w.board.Assignment.Via.Kind != 0 {
		return board.Negotiating
	}
	return board.Relaying
}

// culprit is whose fault a failed connect is.
func (w *worker) culprit(f *failure) board.Culprit {
	if f.errno == 0 {
		return board.ByAdmin // only an admin's settings leave no target to try
	}
	switch faultOf(f.what, f.errno) {
	case ofTarget:
		return timedOut(w.peer(), f.errno)
	case shortage:
		return board.ByLimit
	}
	return board.ByError
}

// refusalOf stores in a session's row why a proxy refused it, if an errno says that, and
// otherwise returns the reason.
func refusalOf(row *board.Row, err error) (reason string) {
	if errno, ok := err.(syscall.Errno); ok {
		row.Errno.Store(uint32(errno))
		return ""
	}
	return err.Error()
}

// logs reports whether ends are logged on stderr, and at which level: with -d, and also
// in JSON with -l, for users who collect that instead of syslog.
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

// lacksUnacknowledged reports whether a receiver is taken to lack what its kernel has not
// acknowledged. One that has not answered for long lacks it, and one that still takes the
// last bytes of the other side may. One that has reset, or that an admin's kill resets,
// has all that left this host: the last acknowledgment may be delayed, and a reset arrives
// without it.
func lacksUnacknowledged(errno syscall.Errno, delivering bool) bool {
	return vanished(errno) || errno == 0 && delivering
}
