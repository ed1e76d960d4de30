// Whether syslog takes records: checked at the start and after a loss, and logged
// where an admin sees it.

package supervisor

import (
	"fmt"
	"slices"

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
	if m.cfg.Foreground && !slices.ContainsFunc(m.plugs, (*plug).records) {
		return
	}
	why := m.syslogReach()
	switch {
	case why == nil || why == sink.ErrFull:
	case m.cfg.Foreground:
		m.losses.unreachable = true
		m.sayUnreachable(why)
	default:
		fmt.Fprintf(m.stderr, "plug: syslog %s: %s; records are lost until it can be reached\n", m.syslog.Path, host.Reason(why))
		m.stderr.Flush(flushReplaced) // Ready closes it
	}
}

// records reports whether a plug's sessions have records for syslog.
func (p *plug) records() bool { return p.cfg.Log || len(p.cfg.Rules) > 0 }

func (m *master) sayUnreachable(why error) {
	m.log.Warn("syslog cannot be reached; records are lost", "socket", m.syslog.Path, "reason", host.Reason(why))
}

// noteLostRecords reports the lost records to syslog, once it takes records again.
// Until then, with -n, it logs them to stderr once.
func (m *master) noteLostRecords(lost uint64) {
	l := &m.losses.records
	settled := l.fresh(lost) > 0
	if lost == l.told {
		return
	}
	var why error
	m.aside(asideKey{what: "syslog"}, m.syslog.Path, func() { why = m.syslog.Reach() }, func() { m.syslogChecked(lost, settled, why) })
}

// syslogChecked acts on the result of checking syslog.
func (m *master) syslogChecked(lost uint64, settled bool, why error) {
	l := &m.losses
	switch {
	case why == nil && settled:
		l.unreachable = false
		m.tellLostRecords(lost - l.records.told)
		l.records.told = lost
	case why != nil && m.cfg.Foreground && !l.unreachable:
		l.unreachable = true
		m.sayUnreachable(why)
	}
}
