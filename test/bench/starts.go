//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
)

// bareStarts measures the starts and ends of a program that does nothing, made
// by a process that does nothing else.
func bareStarts(p *proxy.Proxy, w workload) (m measurement, err error) {
	path, err := p.Find()
	if err != nil {
		return m, err
	}
	starting.Lock()
	group, err := cgroup.New(fmt.Sprintf("bench-bare-%d", os.Getpid()))
	if err != nil {
		starting.Unlock()
		return m, err
	}
	s := &service{proxy: p, group: group}
	running.Store(s, nil)
	starting.Unlock()
	defer s.stop()
	args := append(slices.Clone(group.Dirs()), "--", "/proc/self/exe", roleFlag, roleSpawn, strconv.Itoa(w.clients), path)
	a, err := act(roleEnter, args...)
	if err != nil {
		return m, err
	}
	c, err := ready(a)
	if err != nil {
		return m, err
	}
	defer c.end()
	from := s.settled()
	res, err := c.round()
	if err != nil {
		return m, err
	}
	cpu := s.settled() - from
	m.figures = []float64{microseconds(cpu) / float64(max(res.Ops, 1)), res.Median}
	return m, c.end()
}

// workerStarts ends the one spare again and again; the master replaces it.
func (s *service) workerStarts(w workload) (m measurement, err error) {
	var took stats.Histogram
	// Quiet first: the worker that answered a moment ago has gone by then.
	from := s.settled()
	spare, err := s.spare(0)
	if err != nil {
		return m, err
	}
	for range w.clients {
		began := time.Now()
		if err := syscall.Kill(spare, syscall.SIGTERM); err != nil {
			return m, fmt.Errorf("end the spare %d: %w", spare, err)
		}
		if spare, err = s.spare(spare); err != nil {
			return m, err
		}
		took.Add(microseconds(time.Since(began)))
	}
	cpu := s.settled() - from
	m = s.judged()
	m.figures = []float64{microseconds(cpu) / float64(w.clients), took.At(0.5)}
	return m, nil
}

// spare waits for a spare other than the last one; ps would show it as one.
func (s *service) spare(last int) (int, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Microsecond) {
		pids, err := s.group.Pids()
		if err != nil {
			return 0, err
		}
		for _, pid := range pids {
			if pid == last {
				continue
			}
			title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if bytes.HasSuffix(bytes.TrimRight(title, "\x00"), []byte(" spare")) {
				return pid, nil
			}
		}
	}
	return 0, fmt.Errorf("no spare is ready within %v", patience)
}
