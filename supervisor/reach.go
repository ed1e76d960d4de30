// Whether syslog takes records: checked at the start and after a loss, and logged
// where an admin sees it.

package supervisor

import (
	"fmt"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/sink"
)

// syslogReach returns why syslog takes no records, at a start. It has a time limit,
// because the path may lead to a disk that is away.
func (m *master) syslogReach() error {
	_, err := within(openPatience, "syslog "+m.syslog.Path, nothing(m.syslog.Reach))
	return err
}

// checkSyslog warns on stderr, before a daemon closes it, that syslog will lose
// records: all errors of a daemon, and with -n the records for -l and -a.
func (m *master) checkSyslog() {
	if m.plug.cfg.Foreground && !m.plug.cfg.Log && len(m.plug.cfg.Rules) == 0 {
		return
	}
	why := m.syslogReach()
	switch {
	case why == nil || why == sink.ErrFull:
	case m.plug.cfg.Foreground:
		m.plug.dropReport.unreachable = true
		m.sayUnreachable(why)
	default:
		fmt.Fprintf(m.stderr, "plug: syslog %s: %s; records are lost until it can be reached\n", m.syslog.Path, host.Reason(why))
		m.stderr.Flush(flushReplaced) // Ready closes it
	}
}

func (m *master) sayUnreachable(why error) {
	m.log.Warn("syslog cannot be reached; records are lost", "socket", m.syslog.Path, "reason", host.Reason(why))
}

// noteLostRecords reports the lost records to syslog, once it takes records again.
// Until then, with -n, it logs them to stderr once.
func (m *master) noteLostRecords(lost uint64) {
	if lost == m.plug.dropReport.told.Records {
		return
	}
	var why error
	settled := lost == m.plug.dropReport.seen.Records // no more losses for a second
	m.aside("syslog", m.syslog.Path, func() { why = m.syslog.Reach() }, func() { m.syslogChecked(lost, settled, why) })
}

// syslogChecked acts on the result of checking syslog.
func (m *master) syslogChecked(lost uint64, settled bool, why error) {
	l := &m.plug.dropReport
	switch {
	case why == nil && settled:
		l.unreachable = false
		m.tellLostRecords(lost - l.told.Records)
		l.told.Records = lost
	case why != nil && m.plug.cfg.Foreground && !l.unreachable:
		l.unreachable = true
		m.sayUnreachable(why)
	}
}
