// What was lost: session lines, syslog records and log lines that could not be
// written, and when the log reports them.

package supervisor

import (
	"time"

	"daemon/plug/supervisor/handover"
	"daemon/plug/worker/record"
)

// losses counts what was lost of one kind, so that each loss is reported to the
// admin once.
type losses struct {
	told uint64 // as last logged
	seen uint64 // as of a second ago
}

// fresh returns how many of now are not reported yet, as soon as nothing more has
// been lost for a second; before that 0.
func (l *losses) fresh(now uint64) (n uint64) {
	if now > l.told && now == l.seen {
		n = now - l.told
	}
	l.seen = now
	return n
}

// logLosses are the losses of the process's own logs, and of what its workers
// write there.
type logLosses struct {
	records     losses // of syslog
	lines       losses // of stderr
	unreachable bool   // syslog cannot be reached, and that was logged on stderr
}

// checkFiles checks, once a second, what others have done to the files of the
// plugs and of this process, and what was lost.
func (m *master) checkFiles() {
	for p := range m.all() {
		p.reopen(false, func(error) {})
		p.checkZones()
		p.sendLate()
		p.tellLosses()
	}
	m.checkPidfile()
	m.keepControl()
	m.tryAgain()
	m.sayAway(time.Now())
	m.tellLosses()
}

// tellLosses logs how many session lines were lost since the last report.
func (p *plug) tellLosses() {
	now := p.lost().Lines
	if n := p.lines.fresh(now); n > 0 {
		p.log.Error("session lines lost", "session-log", p.sessionFile.path, "lines", n)
		p.lines.told = now
	}
}

// tellLosses logs how many syslog records and log lines were lost since the last
// report.
func (m *master) tellLosses() {
	now, l := m.lost(), &m.losses
	m.noteLostRecords(now.Records)
	if n := l.lines.fresh(now.Dropped); n > 0 && m.stderr.Flush(0) {
		m.log.Error("log lines lost", "lines", n)
		l.lines.told = now.Dropped
	}
}

func (m *master) tellLostRecords(n uint64) {
	text := record.AppendError(nil, m.syslog.Tag, "syslog", "records lost")
	m.syslog.Text(record.Err, m.pid, appendCount(text, " records=", n))
}

// unwritten returns how many session lines wait because the session file did not
// accept them: the workers' lines and the master's.
func (p *plug) unwritten() (n int) {
	if f := &p.sessionFile; f.sink != nil && f.failing.Load() {
		n = f.sink.Queued()
	}
	for _, c := range p.roster {
		if c.state != gone {
			n += int(c.generation.owing(c.slot))
		}
	}
	return n
}

// lost returns the sum of what a plug's workers have dropped, and of the session
// lines that its master has.
func (p *plug) lost() (n handover.Lost) {
	n.Lines, n.Records, n.Dropped = p.totals.LinesLost, p.totals.LogsLost, p.totals.LogsDropped
	if s := p.sessionFile.sink; s != nil {
		n.Lines += s.Dropped.Load()
	}
	for _, c := range p.roster {
		if c.state != gone {
			column := c.generation.board.Column(c.slot)
			n.Lines += column.LinesLost.Load()
			n.Records += column.LogsLost.Load()
			n.Dropped += c.generation.board.Tally(c.slot).LogsDropped.Load()
		}
	}
	return n
}

// lost returns the sum of what all workers and this process have dropped.
func (m *master) lost() (n handover.Lost) {
	n.Records = m.totals.LogsLost + m.syslog.Sink.Dropped.Load()
	n.Dropped = m.totals.LogsDropped + m.stderr.Dropped.Load()
	for p := range m.all() {
		of := p.lost()
		n.Lines += of.Lines
		n.Records += of.Records
		n.Dropped += of.Dropped
	}
	return n
}
