// The end of a session whose worker died during it: who ended it, and the log line
// that the worker can no longer write.

package supervisor

import (
	"time"

	"daemon/plug/worker/board"
	"daemon/plug/worker/record"
)

// causeOf returns why a session ended whose worker died during it.
func (p *plug) causeOf(c *child, stage board.Stage) board.Cause {
	who := board.ByWorker
	switch {
	case p.m.shutdown.overdue:
		who = board.ByMaster
	case p.m.shutdown.ending || c.condemned:
		who = board.ByAdmin
	case c.status.Known && c.status.Signal != 0:
		who = board.BySignal
	}
	return board.MakeCause(who, stage, int(c.status.Signal))
}

// absorbEnds adds what a dead worker has counted to the totals. blamed reports
// whether it died between that count and the one in its column, ended.
func (p *plug) absorbEnds(c *child, ended uint64) (blamed bool) {
	return p.totals.Ends.See(&c.generation.board.Tally(c.slot).Ends) > ended
}

// logEnd logs the end of a session in place of its dead worker, in the same form.
func (p *plug) logEnd(c *child, s *board.Snapshot, outcome board.Outcome, target string) {
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
	p.m.stderr.Write(record.AppendEnd(nil, json, level, now.UnixNano(), int32(offset), &end))
}
