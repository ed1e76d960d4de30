//go:build linux

package main

import (
	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/load"
)

// growthClients open short connections beside the sessions that stay.
const growthClients = 16

// growth measures short connections while so many sessions live.
func (s *service) growth(w workload, o *options) (measurement, error) {
	stay := s.spec(w, o)
	stay.Kind = load.Idle
	held, err := startLoad(stay)
	if err != nil {
		return measurement{}, err
	}
	defer held.end()
	come := s.spec(w, o)
	come.Kind, come.Clients = load.Short, growthClients
	c, err := startLoad(come)
	if err != nil {
		return measurement{}, err
	}
	defer c.end()
	from := s.settled()
	res, err := c.round()
	if err != nil {
		return measurement{}, err
	}
	cpu := s.settled() - from
	if err := c.end(); err != nil {
		return measurement{}, err
	}
	// Their last message proves that they have lived all the time.
	lived, err := held.round()
	if err != nil {
		return measurement{}, err
	}
	if err := held.end(); err != nil {
		return measurement{}, err
	}
	m := s.judged(res, lived)
	m.figures = figures(w, res, cpu, cgroup.Held{})
	return m, nil
}
