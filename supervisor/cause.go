package supervisor

import (
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// causeOf is why a session ended whose worker died in it.
func (m *master) causeOf(c *child, stage board.Stage) board.Cause {
	who := board.ByWorker
	switch {
	case m.overdue:
		who = board.ByMaster
	case m.ending || c.condemned:
		who = board.ByAdmin
	case c.status.known && c.status.signal != 0:
		who = board.BySignal
	}
	return board.MakeCause(who, stage, int(c.status.signal))
}

// see adds what a worker has counted by outcome and by who ended it, and returns
// how many sessions that are.
func (e *ends) see(w *board.Ends) (sum uint64) {
	for outcome := range e {
		for who := range e[outcome] {
			n := w[outcome][who].Load()
			e[outcome][who] += n
			sum += n
		}
	}
	return sum
}

// absorbEnds adds what a dead worker has counted to the totals. blamed reports
// that it died between that count and the one in its column, ended.
func (m *master) absorbEnds(c *child, ended uint64) (blamed bool) {
	return m.totals.Ends.see(&c.generation.board.Tally(c.slot).Ends) > ended
}

// logEnd logs the end of a session whose worker can't, as the worker would have
// done.
func (m *master) logEnd(c *child, s *board.Snapshot, outcome board.Outcome, target string) {
	level := record.LevelDebug
	json := c.generation.options(board.OptJSON)
	switch {
	case c.generation.board.State.LogAt.Load() >= 1:
	case c.generation.options(board.OptForeground | board.OptJSON | board.OptLog):
		level = record.LevelInfo
	default:
		return
	}
	now := time.Now()
	_, offset := now.Zone()
	end := record.EndOf(s, outcome, c.pid, target)
	m.stderr.Write(record.AppendEnd(nil, json, level, now.UnixNano(), int32(offset), &end))
}
