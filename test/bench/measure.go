//go:build linux

// One measurement: a load through a proxy, its CPU and its memory.

package main

import (
	"fmt"
	"time"

	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/load"
)

// measurement is one proxy under one workload in one round.
type measurement struct {
	figures  []float64 // in the order of workload.columns
	failed   int64
	problems []string
}

// patience is how long an operation may take before it counts as failed;
// perSession is added for each held session, since all of them send at the
// same time.
const (
	patience   = 5 * time.Second
	perSession = 2 * time.Millisecond
)

// alone makes the whole measurement of a play that is not sliced.
func (p *play) alone(o *options) (measurement, error) {
	if p.workload.kind == upgrades {
		return p.service.upgrades(p.workload, o)
	}
	return p.service.plain(p.workload, o)
}

// spec is the load of a workload with one load.
func (s *service) spec(w workload, o *options) load.Spec {
	return load.Spec{Kind: w.kind, Addr: s.addr, Clients: w.clients, Size: w.size, Duration: o.duration,
		Patience: patience + time.Duration(w.held())*perSession}
}

// plain measures one load.
func (s *service) plain(w workload, o *options) (measurement, error) {
	before, err := s.memory()
	if w.kind == load.Idle && err != nil {
		return measurement{}, err
	}
	c, err := startLoad(s.spec(w, o))
	if err != nil {
		return measurement{}, err
	}
	defer c.end()
	from := s.settled()
	var after cgroup.Held
	if w.kind == load.Idle {
		after, _ = s.memory()
	}
	res, err := c.round()
	if err != nil {
		return measurement{}, err
	}
	cpu := s.settled() - from
	if err := c.end(); err != nil {
		return measurement{}, err
	}
	m := s.judged(res)
	m.figures = figures(w, res, cpu, cgroup.Held{All: after.All - before.All, Kernel: after.Kernel - before.Kernel})
	return m, nil
}

// judged is a measurement without figures: only the failures under these
// loads.
func (s *service) judged(loads ...load.Result) (m measurement) {
	var sessions int64
	for _, res := range loads {
		sessions += res.Sessions
		m.failed += res.Failed
		for reason, n := range res.Reasons {
			m.problems = append(m.problems, fmt.Sprintf("%d × %s", n, reason))
		}
	}
	m.problems = append(s.checkLines(sessions), m.problems...)
	return m
}

// figures are the figures of w.columns, for workloads with one load.
func figures(w workload, res load.Result, cpu time.Duration, held cgroup.Held) []float64 {
	us := microseconds(cpu)
	ops := float64(max(res.Ops, 1))
	switch w.kind {
	case load.Short, load.Request, growth:
		return []float64{us / ops, float64(res.OnTime) / res.Planned, res.Median, res.P99}
	case starts:
		return []float64{us / ops, res.Median}
	case load.Rate:
		return []float64{res.Median, res.P99, us / ops}
	case load.Bulk, load.Duplex:
		gb := float64(max(res.Bytes, 1)) / 1e9
		return []float64{us / 1e3 / gb, gb / res.Seconds}
	case load.Burst:
		return []float64{res.Max / 1e3, res.Median / 1e3, us / 1e3}
	}
	n := 1024 * float64(w.clients)
	return []float64{float64(held.All) / n, float64(held.Kernel) / n}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
