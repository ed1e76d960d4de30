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
	// upgradesTurns is how often peace and upgrades follow each other, half a
	// duration each: what slows the machine down for longer slows both.
	upgradesTurns = 6
)

// upgrades measures short connections, in peace and while the proxy replaces
// itself again and again, in turns.
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

// part makes one more part of the load and adds it to the sum of its like.
func part(c *client, sum *load.Result) error {
	r, err := c.round()
	if err != nil {
		return err
	}
	// Sessions and failures go on from part to part; a part's figures are its own.
	r.Ops, r.Seconds = r.Ops+sum.Ops, r.Seconds+sum.Seconds
	r.Max, r.LoneMax = max(r.Max, sum.Max), max(r.LoneMax, sum.LoneMax)
	*sum = r
	return nil
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
