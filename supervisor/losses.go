// What was lost: session lines, syslog records and log lines that could not be
// written, and when the log reports them.

package supervisor

import (
	"time"

	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/record"
)

// dropReport holds the counts of lost lines and records, so that each loss is
// reported to the admin once.
type dropReport struct {
	told, seen  handover.Lost // as last logged, and as of a second ago
	unreachable bool          // syslog cannot be reached, and that was logged on stderr
}

// checkFiles checks, once a second, what others have done to the plug's files, and
// what was lost.
func (m *master) checkFiles() {
	m.reopen(false, func(error) {})
	m.checkPidfile()
	m.keepControl()
	m.checkZones()
	m.tryAgain()
	m.sayAway(time.Now())
	m.tellLosses()
}

// tellLosses logs what was lost since the last report, as soon as nothing more has
// been lost for a second.
func (m *master) tellLosses() {
	now, told, seen := m.lost(), &m.plug.dropReport.told, &m.plug.dropReport.seen
	if now.Lines > told.Lines && now.Lines == seen.Lines {
		m.log.Error("session lines lost", "session-log", m.plug.sessionFile.path, "lines", now.Lines-told.Lines)
		told.Lines = now.Lines
	}
	m.noteLostRecords(now.Records)
	if now.Dropped > told.Dropped && now.Dropped == seen.Dropped && m.stderr.Flush(0) {
		m.log.Error("log lines lost", "lines", now.Dropped-told.Dropped)
		told.Dropped = now.Dropped
	}
	*seen = now
}

// absorbLosses takes over which losses an old master has logged. If it does not
// report that, it is assumed to have logged everything.
func (m *master) absorbLosses(told *handover.Lost) {
	if told == nil {
		m.plug.dropReport.told = m.lost()
		return
	}
	m.plug.dropReport.told = *told
}

func (m *master) tellLostRecords(n uint64) {
	text := record.AppendError(nil, m.plug.tag, "syslog", "records lost")
	m.syslog.Text(record.Err, m.pid, appendCount(text, " records=", n))
}

// unwritten returns how many session lines wait because the session file did not
// accept them: the workers' lines and the master's.
func (m *master) unwritten() (n int) {
	if f := &m.plug.sessionFile; f.sink != nil && f.failing.Load() {
		n = f.sink.Queued()
	}
	for _, c := range m.roster {
		if c.state != gone {
			n += int(c.generation.owing(c.slot))
		}
	}
	return n
}

// lost returns the sum of what workers and this process have dropped.
func (m *master) lost() (n handover.Lost) {
	n.Lines = m.plug.totals.LinesLost
	n.Records = m.plug.totals.LogsLost + m.syslog.Sink.Dropped.Load()
	n.Dropped = m.plug.totals.LogsDropped + m.stderr.Dropped.Load()
	if s := m.plug.sessionFile.sink; s != nil {
		n.Lines += s.Dropped.Load()
	}
	for _, c := range m.roster {
		if c.state != gone {
			column := c.generation.board.Column(c.slot)
			n.Lines += column.LinesLost.Load()
			n.Records += column.LogsLost.Load()
			n.Dropped += c.generation.board.Tally(c.slot).LogsDropped.Load()
		}
	}
	return n
}
