package supervisor

import (
	"time"

	"daemon/plug/worker/record"
)

// losses is what an admin should know to be missing: how much was lost when it
// was last told, and when it was last looked at.
type losses struct {
	lines, logs         uint64 // told
	linesSeen, logsSeen uint64 // a second ago

	unreachable bool // syslog is, and stderr was told

	dropped, droppedSeen uint64 // the same of lines for stderr
}

// lookAround is the once-a-second look at what others do to the plug's files,
// and at what was lost.
func (m *master) lookAround() {
	m.reopen(false, func(error) {})
	m.lookAtPidfile()
	m.keepControl()
	m.lookAtZones()
	m.tryAgain()
	m.sayAway(time.Now())
	lines, logs, dropped := m.lost()
	l := &m.losses
	if lines > l.lines && lines == l.linesSeen { // no more for a second
		m.log.Error("session lines lost", "session-log", m.sessionFile.path, "lines", lines-l.lines)
		l.lines = lines
	}
	m.noteLostRecords(logs)
	if dropped > l.dropped && dropped == l.droppedSeen && m.stderr.flush(0) {
		m.log.Error("log lines lost", "lines", dropped-l.dropped)
		l.dropped = dropped
	}
	l.linesSeen, l.logsSeen, l.droppedSeen = lines, logs, dropped
}

func (m *master) tellLostRecords(n uint64) {
	text := record.AppendError(nil, m.tag, "syslog", "records lost")
	m.syslog.text(record.Err, m.pid, appendCount(text, " records=", n))
}

// unwritten is how many session lines wait because the session file did not take
// them: those that workers owe, and those that are the master's to write.
func (m *master) unwritten() (n int) {
	if f := &m.sessionFile; f.sink != nil && f.failing.Load() {
		n = f.sink.queued()
	}
	for _, c := range m.roster {
		if c.state != gone {
			n += int(c.generation.owing(c.slot))
		}
	}
	return n
}

// lost is how many session lines, syslog records and lines for stderr were given
// up, by workers and by this process.
func (m *master) lost() (lines, logs, dropped uint64) {
	lines = m.totals.LinesLost
	logs = m.totals.LogsLost + m.syslog.sink.dropped.Load()
	dropped = m.totals.LogsDropped + m.stderr.dropped.Load()
	if s := m.sessionFile.sink; s != nil {
		lines += s.dropped.Load()
	}
	for _, c := range m.roster {
		if c.state != gone {
			column := c.generation.board.Column(c.slot)
			lines += column.LinesLost.Load()
			logs += column.LogsLost.Load()
			if t := c.generation.board.Tally(c.slot); t != nil {
				dropped += t.LogsDropped.Load()
			}
		}
	}
	return lines, logs, dropped
}
