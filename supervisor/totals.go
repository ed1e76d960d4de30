// The totals of this master: what is sent to the next one, and what metrics show,
// which includes living workers.

package supervisor

import "daemon/plug/supervisor/counters"

// ownTotals returns what this process counts besides its plugs, including the
// counts of its sinks.
func (m *master) ownTotals() counters.Process {
	t := m.totals
	t.LogsLost += m.syslog.Sink.Dropped.Load()
	t.LogsDropped += m.stderr.Dropped.Load()
	return t
}

// totalsToSend returns the plug's totals for a new master, including the counts of
// the session file's writer.
func (p *plug) totalsToSend() counters.Totals {
	t := p.totals
	t.LinesRetried += p.sessionFile.retried.Load()
	if s := p.sessionFile.sink; s != nil {
		t.LinesLost += s.Dropped.Load()
	}
	return t
}

// all returns the totals with everything that living workers have counted.
func (p *plug) all() counters.Totals {
	t := p.totalsToSend()
	for _, c := range p.roster {
		if c.state == gone {
			continue
		}
		t.SeeColumn(c.generation.board.Column(c.slot))
		t.Ends.See(&c.generation.board.Tally(c.slot).Ends)
		t.See(c.generation.board.Tally(c.slot))
	}
	return t
}
