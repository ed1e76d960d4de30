//go:build linux

// Short connections while a proxy is upgraded again and again.

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
	// upgradesTurns is how often periods without and with upgrades alternate;
	// each lasts half a duration. A slow phase of the machine affects both.
	upgradesTurns = 6
)

// upgrades measures short connections, alternating between periods without
// upgrades and periods in which the proxy replaces itself again and again.
func (s *service) upgrades(w workload, o *options) (measurement, error) {
	spec := s.spec(w, o)
	spec.Kind, spec.Lone, spec.Duration = load.Short, loneEvery, o.duration/2
	c, err := startLoad(spec)
	if err != nil {
		return measurement{}, err
	}
	defer c.end()
	var peace, upgraded load.Result
	var cpu time.Duration
	n := 0
	for range upgradesTurns {
		if err := part(c, &peace); err != nil {
			return measurement{}, err
		}
		from := s.settled()
		stop, done := make(chan struct{}), make(chan int)
		go func() { done <- s.keepUpgrading(stop) }()
		err := part(c, &upgraded)
		close(stop)
		n += <-done
		if err != nil {
			return measurement{}, err
		}
		cpu += s.settled() - from
	}
	if err := c.end(); err != nil {
		return measurement{}, err
	}
	m := s.judged(upgraded)
	if n == 0 {
		return m, errors.New("not one upgrade took place")
	}
	rate := func(r load.Result) float64 { return float64(r.Ops) / r.Seconds }
	m.figures = []float64{rate(upgraded) / rate(peace), upgraded.Max / 1e3, peace.Max / 1e3, upgraded.LoneMax / 1e3,
		rate(upgraded), microseconds(cpu) / float64(max(upgraded.Ops, 1)), float64(n)}
	return m, nil
}

// part runs one more part of the load and adds it to the sum of its kind.
func part(c *client, sum *load.Result) error {
	r, err := c.round()
	if err != nil {
		return err
	}
	// Sessions and failures accumulate from part to part; a part's figures are
	// its own.
	r.Ops, r.Seconds = r.Ops+sum.Ops, r.Seconds+sum.Seconds
	r.Max, r.LoneMax = max(r.Max, sum.Max), max(r.LoneMax, sum.LoneMax)
	*sum = r
	return nil
}

// keepUpgrading sends the signal repeatedly until stop is closed, and counts
// the resulting upgrades.
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

// lastUpgrade waits for the upgrade that was in progress at the end of the
// load, so that its CPU time is counted, too.
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
