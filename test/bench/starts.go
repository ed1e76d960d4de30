//go:build linux

// The cost of a worker's start and end.

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
	"daemon/plug/test/bench/load"
)

// beginBare starts the role that starts a program which does nothing, a number
// of times per slice.
func (p *play) beginBare() error {
	path, err := p.proxy.Find()
	if err != nil {
		return err
	}
	starting.Lock()
	defer starting.Unlock()
	group, err := cgroup.New(fmt.Sprintf("bench-bare-%d", os.Getpid()))
	if err != nil {
		return err
	}
	p.service = &service{proxy: p.proxy, group: group}
	running.Store(p.service, nil)
	args := append(slices.Clone(group.Dirs()), "--", "/proc/self/exe", roleFlag, roleSpawn, strconv.Itoa(p.workload.startsEach()), path)
	a, err := act(roleEnter, args...)
	if err != nil {
		return err
	}
	p.load, err = ready(a)
	return err
}

// startsEach is the number of starts per slice.
func (w workload) startsEach() int { return max(1, w.clients/sliceOfTime) }

// workerStarts repeatedly ends the only spare, which the master replaces.
func (p *play) workerStarts() (load.Result, error) {
	s, sum := p.service, p.sum
	spare, err := s.spare(0)
	if err != nil {
		return sum, err
	}
	for range p.workload.startsEach() {
		began := time.Now()
		if err := syscall.Kill(spare, syscall.SIGTERM); err != nil {
			return sum, fmt.Errorf("end the spare %d: %w", spare, err)
		}
		if spare, err = s.spare(spare); err != nil {
			return sum, err
		}
		p.took.Add(microseconds(time.Since(began)))
		sum.Ops++
	}
	sum.Median = p.took.At(0.5)
	return sum, nil
}

// spare waits for a spare other than the last one, by the title that ps shows.
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
