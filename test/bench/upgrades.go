//go:build linux

package main

import (
	"errors"
	"syscall"
	"time"

	"daemon/plug/test/bench/load"
)

const (
	upgradeEvery = 500 * time.Millisecond
	loneEvery    = 50 * time.Millisecond
	// upgradesLong is how many durations each of the two parts takes: an
	// upgrade is a rare thing, and a few must fall into one.
	upgradesLong = 3
)

// upgrades measures short connections, first in peace and then while the proxy
// replaces itself again and again.
func (s *service) upgrades(w workload, o *options) (measurement, error) {
	spec := s.spec(w, o)
	spec.Kind, spec.Lone, spec.Duration = load.Short, loneEvery, upgradesLong*o.duration
	c, err := startLoad(spec)
	if err != nil {
		return measurement{}, err
	}
	defer c.end()
	peace, err := c.round()
	if err != nil {
		return measurement{}, err
	}
	from := s.settled()
	stop, done := make(chan struct{}), make(chan int)
	go func() { done <- s.keepUpgrading(stop) }()
	res, err := c.round()
	close(stop)
	n := <-done
	if err != nil {
		return measurement{}, err
	}
	cpu := s.settled() - from
	if err := c.end(); err != nil {
		return measurement{}, err
	}
	// The load's counts go on from part to part.
	m := s.judged(res)
	if n == 0 {
		return m, errors.New("not one upgrade took place")
	}
	rate := func(r load.Result) float64 { return float64(r.Ops) / r.Seconds }
	m.figures = []float64{rate(res) / rate(peace), res.Max / 1e3, peace.Max / 1e3, res.LoneMax / 1e3, rate(res),
		microseconds(cpu) / float64(max(res.Ops, 1)), float64(n)}
	return m, nil
}

// keepUpgrading sends the signal again and again until stop is closed, and
// counts the upgrades that it brought about.
func (s *service) keepUpgrading(stop <-chan struct{}) (n int) {
	for {
		master, before := s.generation()
		syscall.Kill(master, syscall.SIGUSR2)
		changed := false
		for next := time.Now().Add(upgradeEvery); time.Now().Before(next); {
			if !changed {
				_, now := s.generation()
				changed = now != before
			}
			select {
			case <-stop:
				return n + s.lastUpgrade(changed, before)
			case <-time.After(10 * time.Millisecond):
			}
		}
		if changed {
			n++
		}
	}
}

// lastUpgrade waits for the one that the end of the load has overtaken, so
// that its CPU is counted with it.
func (s *service) lastUpgrade(changed bool, before string) int {
	for deadline := time.Now().Add(2 * time.Second); !changed && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		_, now := s.generation()
		changed = now != before
	}
	if changed {
		return 1
	}
	return 0
}

func (s *service) generation() (master int, word string) {
	pids, _ := s.group.Pids()
	return s.proxy.Generation(s.dir, s.cmd.Process.Pid, pids)
}
