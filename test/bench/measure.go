//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"plugdaemon/test/bench/load"
	"plugdaemon/test/bench/proxy"
)

// measurement is one proxy under one workload in one round.
type measurement struct {
	figures  []float64 // as workload.columns says
	failed   int64
	problems []string
}

// measure starts p, puts w on it, and takes it down again.
func measure(p *proxy.Proxy, w workload, o *options, target netip.AddrPort) (measurement, error) {
	s, err := start(p, target)
	if err != nil {
		return measurement{}, err
	}
	defer s.stop()
	before, memErr := s.memory()
	if w.kind == load.Idle && memErr != nil && p.Program != "" {
		return measurement{}, memErr
	}
	spec, err := json.Marshal(load.Spec{Kind: w.kind, Addr: s.addr, Clients: w.clients, Size: w.size, Duration: o.duration, Patience: 5 * time.Second})
	if err != nil {
		return measurement{}, err
	}
	client, err := act(roleLoad, string(spec))
	if err != nil {
		return measurement{}, err
	}
	lines := bufio.NewReader(client.out)
	if _, err := lines.ReadString('\n'); err != nil {
		return measurement{}, errors.Join(errors.New("the load ended early"), client.end())
	}
	from := s.settled()
	var after int64
	if w.kind == load.Idle {
		after, _ = s.memory()
	}
	fmt.Fprintln(client.in, "go")
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return measurement{}, errors.Join(errors.New("the load ended early"), client.end())
	}
	var res load.Result
	if err := json.Unmarshal(line, &res); err != nil {
		return measurement{}, err
	}
	cpu := s.settled() - from
	client.in.Close()
	io.Copy(io.Discard, lines)
	if err := client.cmd.Wait(); err != nil {
		return measurement{}, err
	}
	m := measurement{failed: res.Failed, problems: s.checkLines(res.Sessions)}
	for reason, n := range res.Reasons {
		m.problems = append(m.problems, fmt.Sprintf("%d × %s", n, reason))
	}
	m.figures = figures(w, res, cpu, after-before)
	return m, nil
}

// figures are what w.columns names.
func figures(w workload, res load.Result, cpu time.Duration, memory int64) []float64 {
	us := float64(cpu) / float64(time.Microsecond)
	ops := float64(max(res.Ops, 1))
	switch w.kind {
	case load.Short, load.Request:
		return []float64{us / ops, float64(res.Ops) / res.Seconds, res.Median, res.P99}
	case load.Bulk:
		gb := float64(max(res.Bytes, 1)) / 1e9
		return []float64{us / 1e3 / gb, gb / res.Seconds}
	}
	return []float64{float64(memory) / 1024 / float64(w.clients)}
}
