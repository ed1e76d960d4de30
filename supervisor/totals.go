// The totals of this master: what is sent to the next one, and what metrics show,
// which includes living workers.

package supervisor

import "daemon/plug/supervisor/counters"

// totalsToSend returns the totals for a new master, including the counts of this
// master's own sinks.
func (m *master) totalsToSend() counters.Totals {
	t := m.plug.totals
	t.LogsLost += m.syslog.Sink.Dropped.Load()
	t.LogsDropped += m.stderr.Dropped.Load()
	t.LinesRetried += m.plug.sessionFile.retried.Load()
	if s := m.plug.sessionFile.sink; s != nil {
		t.LinesLost += s.Dropped.Load()
	}
	return t
}

// all returns the totals with everything that living workers and this master's
// sinks have counted.
func (m *master) all() counters.Totals {
	t := m.totalsToSend()
	for _, c := range m.roster {
		if c.state == gone {
			continue
		}
		column := c.generation.board.Column(c.slot)
		for i := range column.Ended {
			t.Ended[i] += column.Ended[i].Load()
		}
		t.Ends.See(&c.generation.board.Tally(c.slot).Ends)
		t.BytesIn += column.BytesIn.Load()
		t.BytesOut += column.BytesOut.Load()
		t.Refused += column.Refused.Load()
		t.Redispatches += column.Redispatches.Load()
		t.LinesLost += column.LinesLost.Load()
		t.LogsLost += column.LogsLost.Load()
		t.See(c.generation.board.Tally(c.slot))
	}
	return t
}
