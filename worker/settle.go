package worker

import (
	"plugdaemon/worker/board"
	"plugdaemon/worker/record"
)

// begin publishes a session on its row: from here on it is admitted, and will
// have its line, whoever dies.
func (w *worker) begin(row *board.Row, client board.Addr) {
	row.In.Store(0)
	row.Out.Store(0)
	row.Client = client
	row.Begin, row.BeginAt = w.clock.wall, w.clock.mono
	row.Outcome.Store(0)
	row.Errno.Store(0)
	row.Connect.Store(0)
	row.Closed.Store(0)
	row.Hold()
}

// finish publishes the outcome. If the worker is killed from here on, the
// master writes the line with it.
func (w *worker) finish(row *board.Row, outcome board.Outcome) {
	w.clock.look()
	row.Closed.Store(w.clock.mono)
	row.Outcome.Store(uint32(outcome))
	row.End()
}

// settle writes the session's records and frees its row. The order decides
// what a kill between two steps leaves: the column counts before the row is
// free, so the master can tell from their difference what is still missing.
func (w *worker) settle(row *board.Row) {
	b := w.board
	var s board.Snapshot
	row.Snapshot(&s)
	outcome := board.Outcome(s.Outcome)
	if b.Options&board.OptSession != 0 {
		w.records.session(&s)
	}
	if b.Options&board.OptLog != 0 {
		w.records.completed(outcome)
	}
	if b.LogAt.Load() >= 1 {
		w.debugEnd(&s, outcome)
	}
	w.column.BytesIn.Add(s.In)
	w.column.BytesOut.Add(s.Out)
	w.column.Ended[outcome].Add(1)
	row.Free()
}

func (w *worker) debugEnd(s *board.Snapshot, outcome board.Outcome) {
	w.records.debug("session ended",
		record.Str("client", s.Client.AddrPort().String()),
		record.Str("target", w.records.target(int(s.Word.Target())).full),
		record.Str("outcome", outcome.String()),
		record.Num("status", int64(outcome.Status())),
		record.Num("in", int64(s.In)), record.Num("out", int64(s.Out)),
		record.Num("usec", (s.Closed-s.BeginAt)/1000))
}
