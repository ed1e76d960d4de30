package supervisor

import (
	"time"

	"daemon/plug/worker"
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

// inheritCauses adds what a dead worker has counted, of its sessions by who
// ended them, to the totals. A worker of a version without has counted its
// sessions all the same. blamed tells that it died between that count and the
// one by outcome.
func (m *master) inheritCauses(c *child, ended uint64) (blamed bool) {
	causes := c.generation.board.Causes(c.slot)
	if causes == nil {
		m.totals.Causes[board.Nobody] += ended
		return false
	}
	sum := uint64(0)
	for i := range causes {
		n := causes[i].Load()
		sum += n
		m.totals.Causes[i] += n
		causes[i].Store(0)
	}
	return sum > ended
}

// logEnd logs the end of a session whose worker can't, as the worker would have
// done.
func (m *master) logEnd(c *child, s *board.Snapshot, outcome board.Outcome, target string) {
	level := record.LevelDebug
	json := m.cfg.LogFormat == "json"
	switch {
	case m.generation.board.LogAt.Load() >= 1:
	case m.cfg.Foreground && json && m.cfg.Log:
		level = record.LevelInfo
	default:
		return
	}
	now := time.Now()
	_, offset := now.Zone()
	end := worker.EndOf(s, outcome, c.pid, target)
	m.stderr.Write(record.AppendEnd(nil, json, level, now.UnixNano(), int32(offset), &end))
}
