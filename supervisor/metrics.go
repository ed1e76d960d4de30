package supervisor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/worker/board"
)

// metrics are all counters, in a few replies if there are many targets.
func (r *request) metrics() (reply control.Reply, err error) {
	var t totals
	var x control.Metrics
	err = r.loop(func() {
		m := r.m
		t = m.all()
		x = control.Metrics{Targets: m.targets(), Workers: m.workersByState(), Limit: m.cfg.MaxWorkers,
			Paused: m.paused, Build: m.version}
		m.addLive(&t, &x)
	})
	if err != nil {
		return reply, err
	}
	x.Ended = make(map[string]uint64)
	for o := board.Complete; o <= board.AdminEnded; o++ {
		x.Ended[o.String()] = t.Ended[o]
	}
	x.Causes = make(map[string]uint64)
	for who := board.ByClient; who < board.Whos; who++ {
		if n := t.Causes[who]; n > 0 || who <= board.ByTarget {
			x.Causes[who.String()] = n
		}
	}
	if n := t.Causes[board.Nobody]; n > 0 { // of workers of a version that does not tell
		x.Causes[board.Nobody.String()] = n
	}
	x.Refused, x.Redispatches = t.Refused, t.Redispatches
	x.Durations, x.ConnectTimes = histogram(&t.Durations, &board.DurationBounds), histogram(&t.Connects, &board.ConnectBounds)
	x.Spawns, x.SpawnFailures = t.Spawns, t.SpawnFailures
	x.Deaths = t.Deaths.words()
	x.Upgrades = map[string]uint64{"done": t.Upgrades.Done, "failed": t.Upgrades.Failed}
	x.BellOverflows, x.LinesLost, x.LinesRetried, x.RecordsLost = t.BellOverflows, t.LinesLost, t.LinesRetried, t.LogsLost
	x.PidfileWrites, x.ControlRequests = t.PidfileWrites, t.Requests
	x.StartedUnix, x.MasterCPU = float64(t.Started)/1e9, ownCPU()
	targets := x.Targets
	x.Targets = targets[:min(len(targets), control.Batch)]
	reply.Metrics = &x
	for len(targets) > control.Batch {
		if err := r.more(reply); err != nil {
			return reply, err
		}
		targets = targets[control.Batch:]
		reply.Metrics = &control.Metrics{Targets: targets[:min(len(targets), control.Batch)]}
	}
	return reply, nil
}

// addLive adds what is not settled yet. Rows are read after columns: a session
// that is settled meanwhile is missed for this once, and never counted twice;
// what was shown before then stands.
func (m *master) addLive(t *totals, x *control.Metrics) {
	now := shown{BytesIn: t.BytesIn, BytesOut: t.BytesOut}
	for _, n := range t.Ended {
		now.Accepted += n
	}
	for _, c := range m.roster {
		if c.state == gone {
			continue
		}
		for row := range c.generation.rows(c.slot) {
			if row.Word().State() != board.RowLive {
				continue
			}
			x.Sessions++
			now.Accepted++
			now.BytesIn += row.In.Load()
			now.BytesOut += row.Out.Load()
		}
	}
	s := &m.totals.Shown
	s.Accepted, s.BytesIn, s.BytesOut = max(s.Accepted, now.Accepted), max(s.BytesIn, now.BytesIn), max(s.BytesOut, now.BytesOut)
	x.Accepted, x.BytesIn, x.BytesOut = s.Accepted, s.BytesIn, s.BytesOut
}

func histogram(t *times, b *board.Bounds) control.Histogram {
	h := control.Histogram{Counts: t.Counts[:], Sum: float64(t.Sum) / 1e9}
	for _, ns := range b {
		h.Bounds = append(h.Bounds, float64(ns)/1e9)
	}
	return h
}

// words are the deaths as metrics name them. Those that have never happened are
// left out, but for the usual one.
func (d *deaths) words() map[string]uint64 {
	words := map[string]uint64{"exit": d.By[0]}
	for signal, n := range d.By[1:] {
		if n > 0 {
			words[fmt.Sprintf("signal %d", signal+1)] = n
		}
	}
	if d.Unknown > 0 {
		words["unknown"] = d.Unknown
	}
	return words
}

// ownCPU is what this process has used, in seconds.
func ownCPU() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}
