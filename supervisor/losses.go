package supervisor

import "daemon/plug/worker/record"

// losses is what an admin should know to be missing: how much was lost when it
// was last told, and when it was last looked at.
type losses struct {
	lines, logs         uint64 // told
	linesSeen, logsSeen uint64 // a second ago

	unreachable bool // syslog is, and stderr was told
}

// lookAround is the once-a-second look at what others do to the plug's files,
// and at what was lost.
func (m *master) lookAround() {
	if m.sessionFile.rotated() {
		m.reopen()
	}
	if f := m.pidfile.file; f != nil && !m.pidfile.writing && !f.Current() {
		m.pidfile.dirty = true // removed or replaced: it is put back
	}
	m.keepControl()
	m.lookAtZones()
	m.tryAgain()
	lines, logs := m.lost()
	l := &m.losses
	if lines > l.lines && lines == l.linesSeen { // no more for a second
		m.log.Error("session lines lost", "session-log", m.sessionFile.path, "lines", lines-l.lines)
		l.lines = lines
	}
	m.noteLostRecords(logs)
	l.linesSeen, l.logsSeen = lines, logs
}

func (m *master) tellLostRecords(n uint64) {
	text := record.AppendError(nil, m.tag, "syslog", "records lost")
	m.syslog.text(record.Err, m.pid, appendCount(text, " records=", n))
}

// lost is how many session lines and syslog records were given up, by workers
// and by this process.
func (m *master) lost() (lines, logs uint64) {
	lines = m.totals.LinesLost
	logs = m.totals.LogsLost + m.syslog.sink.dropped.Load()
	if s := m.sessionFile.sink; s != nil {
		lines += s.dropped.Load()
	}
	for _, c := range m.roster {
		if c.state != gone {
			column := c.generation.board.Column(c.slot)
			lines += column.LinesLost.Load()
			logs += column.LogsLost.Load()
		}
	}
	return lines, logs
}
