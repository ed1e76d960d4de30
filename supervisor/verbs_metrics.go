// The verb that answers with metrics: totals, live sessions, targets, and what this
// process uses.

package supervisor

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/counters"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
)

// metrics returns all counters, in several replies if there are many targets.
func (r *request) metrics() (reply control.Reply, err error) {
	var t counters.Totals
	var own counters.Process
	var x control.Metrics
	err = r.loop(func() {
		m, p := r.m, r.m.plugs[0]
		t, own = p.all(), m.ownTotals()
		x = control.Metrics{Targets: p.countedByTarget(true), Workers: p.workersByState(), Limit: p.settled.maxWorkers,
			Paused: p.paused, Build: m.version, Master: control.Process{Started: float64(m.since.UnixNano()) / 1e9}}
		x.SessionsLimit, x.PoolSessionsLimit = p.sessionLimits()
		live, bySlot := p.live()
		p.addLive(&t, &x, &live)
		p.addLiveByTarget(x.Targets, bySlot)
		x.Targets = p.shown(x.Targets)
	})
	if err != nil {
		return reply, err
	}
	x.Ended = t.Ends.Words()
	x.Refused, x.Redispatches = t.Refused, t.Redispatches
	x.Durations = histogram(&t.Durations, &board.DurationBounds)
	x.Spawns, x.SpawnFailures = t.Spawns, t.SpawnFailures
	x.Deaths = exitsOf(&t.Deaths)
	x.Upgrades = map[string]uint64{"done": own.Upgrades.Done, "failed": own.Upgrades.Failed}
	x.BellOverflows, x.LinesLost, x.LinesRetried, x.RecordsLost = t.BellOverflows, t.LinesLost, t.LinesRetried, t.LogsLost+own.LogsLost
	x.LogLinesLost = t.LogsDropped + own.LogsDropped
	x.PidfileWrites, x.ControlRequests = own.PidfileWrites, own.Requests
	x.StartedUnix = float64(own.Started) / 1e9
	processStatus(&x.Master)
	targets := x.Targets
	x.Targets = targets[:min(len(targets), control.MetricsBatch)]
	reply.Metrics = &x
	for len(targets) > control.MetricsBatch {
		if err := r.more(reply); err != nil {
			return reply, err
		}
		targets = targets[control.MetricsBatch:]
		reply.Metrics = &control.Metrics{Targets: targets[:min(len(targets), control.MetricsBatch)]}
	}
	return reply, nil
}

// addLive adds what is not settled yet. Rows are read after columns, so a session
// that is settled meanwhile is missed this time, and never counted twice. A number
// never falls below the one shown before.
func (p *plug) addLive(t *counters.Totals, x *control.Metrics, live *traffic) {
	x.Sessions = live.sessions
	now := counters.Shown{Accepted: uint64(live.sessions), BytesIn: t.BytesIn + live.in, BytesOut: t.BytesOut + live.out}
	for _, n := range t.Ended {
		now.Accepted += n
	}
	s := &p.totals.Shown
	s.Accepted, s.BytesIn, s.BytesOut = max(s.Accepted, now.Accepted), max(s.BytesIn, now.BytesIn), max(s.BytesOut, now.BytesOut)
	x.Accepted, x.BytesIn, x.BytesOut = s.Accepted, s.BytesIn, s.BytesOut
}

func histogram(t *counters.Times, b *board.Bounds) control.Histogram {
	h := control.Histogram{Counts: t.Counts[:], Sum: float64(t.Sum) / 1e9}
	for _, ns := range b {
		h.Bounds = append(h.Bounds, float64(ns)/1e9)
	}
	return h
}

// fatal are the signals that end a worker that does not handle them, with or
// without a core dump.
var fatal = [...]unix.Signal{unix.SIGQUIT, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGBUS, unix.SIGFPE, unix.SIGKILL,
	unix.SIGUSR1, unix.SIGSEGV, unix.SIGUSR2, unix.SIGALRM, unix.SIGTERM, unix.SIGXCPU, unix.SIGXFSZ, unix.SIGSYS}

// exitsOf returns how workers ended, in the form of metrics, including kinds of
// exits that have not occurred yet.
func exitsOf(d *counters.Deaths) control.Exits {
	signals := make(map[string]uint64, len(fatal))
	for _, signal := range fatal {
		signals[strconv.Itoa(int(signal))] = 0
	}
	for i, n := range d.By[1:] {
		if n > 0 {
			signals[strconv.Itoa(i+1)] = n
		}
	}
	return control.Exits{Exit: d.By[0], Unknown: d.Unknown, Signals: signals}
}

// processStatus fills in what this process uses.
func processStatus(p *control.Process) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		p.CPU = (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
	}
	p.MaxFDs = host.Descriptors()
	p.OpenFDs, p.Memory = host.OpenFDs(), host.ResidentMemory()
}
