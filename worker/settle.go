// The records of a session's life on the board, from admitting the client to its line,
// for both engines. The order of the stores makes a kill at any moment harmless.

package worker

import (
	"strconv"
	"time"

	"daemon/plug/worker/board"
)

// publish publishes a session on its row: from here on it is admitted, and will have its
// line even if the worker or the master dies.
func (w *worker) publish(row *board.Row, client board.Addr) {
	row.In.Store(0)
	row.Out.Store(0)
	row.Client = client
	row.Begin, row.BeginAt = w.clock.wall, w.clock.mono
	row.Outcome.Store(0)
	row.Errno.Store(0)
	row.Connect.Store(0)
	row.Closed.Store(0)
	row.Counted.Store(0)
	row.Moved.Store(w.clock.ms())
	row.First.Store(0)
	w.reach(row, board.Connecting)
	row.Hold()
}

// connects publishes that a session is connected to its target, and counts how long it
// took.
func (w *worker) connects(row *board.Row, slot int) {
	row.Connect.Store(w.clock.mono)
	w.board.TargetTally(slot).NoteConnect(w.clock.mono - row.BeginAt)
}

// finish publishes the outcome, and who, or which timer, ended the session. If the worker is killed after
// this, the master writes the line with it.
func (w *worker) finish(row *board.Row, outcome board.Outcome, who board.Culprit, timer board.Timer) {
	w.clock.read()
	w.concludes(row, outcome, who, timer)
	row.Closed.Store(w.clock.mono)
	row.Outcome.Store(uint32(outcome))
	row.End()
}

// settle writes the session's records, counts it and frees its row. reason is why the
// session ended, if the row's errno does not say it. If the line can't be written now,
// the row stays, with its line unwritten, and settled is false: the worker tries again,
// and so does the master if the worker is gone by then.
func (w *worker) settle(row *board.Row, index int, reason string) (settled bool) {
	b := w.board
	var s board.Snapshot
	row.Snapshot(&s)
	outcome := board.Outcome(s.Outcome)
	if b.Assignment.Options&board.OptLog != 0 {
		w.records.completed(outcome)
	}
	if level, yes := w.logs(); yes {
		w.logEnd(level, &s, outcome, reason)
	}
	if b.Assignment.Options&board.OptSession != 0 {
		if errno := w.records.session(&s); errno != 0 {
			if w.board.ShouldLog(board.LogSession, w.clock.ms()) {
				w.records.error("session file "+w.board.Assignment.SessionFile.String(), silence(errno))
			}
			w.tally.LinesRetried.Add(1)
			w.count(&s, outcome)
			row.Counted.Store(1)
			w.unwritten = append(w.unwritten, unwrittenLine{row, index})
			return false
		}
	}
	w.count(&s, outcome)
	row.Free()
	return true
}

// count adds a session to the worker's column. The order matters for a kill between two
// steps: the column counts before the row is freed or marked as counted, so the master
// can find out from their difference what is still missing.
func (w *worker) count(s *board.Snapshot, outcome board.Outcome) {
	w.tally.NoteSession(s)
	w.column.BytesIn.Add(s.In)
	w.column.BytesOut.Add(s.Out)
	w.board.TargetTally(int(s.Word.Target())).NoteBytes(s.In, s.Out)
	w.tally.Ends.Note(outcome, s.Cause.Culprit())
	w.column.Ended[outcome].Add(1)
}

// unwrittenLine is a row whose line has not been written yet.
type unwrittenLine struct {
	row   *board.Row
	index int // of the row
}

// lineRetry is how often unwritten lines are retried.
const lineRetry = 500 * time.Millisecond

// retryLines tries to write the unwritten lines, the oldest first, and returns which rows
// are free now. With force, the oldest line is dropped if it still can't be written,
// because its row is needed.
func (w *worker) retryLines(force bool) (free []int) {
	var s board.Snapshot
	for len(w.unwritten) > 0 {
		d := w.unwritten[0]
		d.row.Snapshot(&s)
		if w.records.session(&s) != 0 {
			if !force {
				break
			}
			force = false
			w.column.LinesLost.Add(1)
		}
		d.row.Free()
		free = append(free, d.index)
		w.unwritten = w.unwritten[1:]
	}
	return free
}

// lineRetryLast is how long a worker without a master stays for unwritten lines after its
// last session.
const lineRetryLast = 5 * time.Second

// staysForLines reports whether a worker that has no more sessions stays to write its
// unwritten lines. With a master it need not, because the master writes them.
func (w *worker) staysForLines(orphan bool) bool {
	if !orphan || len(w.unwritten) == 0 {
		return false
	}
	if w.lastCall == 0 {
		w.lastCall = w.clock.mono + int64(lineRetryLast)
	}
	if w.clock.mono < w.lastCall {
		return true
	}
	w.records.error("session file "+w.board.Assignment.SessionFile.String(), strconv.Itoa(len(w.unwritten))+" lines lost")
	w.column.LinesLost.Add(uint64(len(w.unwritten)))
	w.unwritten = nil
	return false
}
