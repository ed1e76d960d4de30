//go:build linux

// The order of a round: plays, scenes and slices.

package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/load"
	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/stats"
)

// A scene is one play, or several that take turns in slices; a slice lasts
// this fraction of an unsliced measurement. The speed of a shared machine
// changes by half from second to second, and with slices this affects all
// proxies equally.
const (
	slicesEach  = 16
	sliceOfTime = 8
)

// growthClients open short connections in addition to the sessions that stay.
const growthClients = 16

// play is one proxy under one workload in one round.
type play struct {
	proxy    *proxy.Proxy
	workload workload

	place   *place
	target  *actor
	service *service
	held    *client // the sessions of growth that stay
	load    *client // only if it is sliced
	sum     load.Result
	cpu     time.Duration
	took    stats.Histogram // times of workers' starts

	result measurement
	err    error // the reason why there is no result
}

// scenes returns the scenes of a round. Plays that are compared are in one
// scene: all proxies under one workload, and with short connections also the
// minimal cost of a process; for growth, all numbers of sessions with one
// proxy. All other plays have their own scenes. The order of the proxies is
// random each time, so that none always follows the same one, whose end may
// take a while.
func scenes(o *options, order *rand.Rand) (all [][]*play) {
	grown, short := false, -1 // index of the last scene with short connections
	for _, w := range o.workloads {
		plays := cast(o, w, order)
		switch {
		case len(plays) == 0:
		case w.kind == growth && grown:
		case w.kind == growth:
			grown = true
			all = append(all, growthScenes(o, order)...)
		case w.kind == starts && short >= 0:
			all[short] = append(all[short], plays...)
		case w.sliced():
			if w.kind == load.Short {
				short = len(all)
			}
			all = append(all, plays)
		default:
			for _, p := range plays {
				all = append(all, []*play{p})
			}
		}
	}
	return all
}

// cast returns the plays of all proxies that take part in w.
func cast(o *options, w workload, order *rand.Rand) (plays []*play) {
	for _, i := range order.Perm(len(o.proxies)) {
		if p := o.proxies[i]; w.concerns(p) && w.unfit(p, o.limits) == "" {
			plays = append(plays, &play{proxy: p, workload: w})
		}
	}
	return plays
}

func growthScenes(o *options, order *rand.Rand) (all [][]*play) {
	of := map[*proxy.Proxy]int{} // index of its scene
	for _, w := range o.workloads {
		if w.kind != growth {
			continue
		}
		for _, p := range cast(o, w, order) {
			i, known := of[p.proxy]
			if !known {
				i = len(all)
				of[p.proxy] = i
				all = append(all, nil)
			}
			all[i] = append(all[i], p)
		}
	}
	return all
}

// perform runs the plays of a scene, and returns them with their results.
func perform(plays []*play, o *options, order *rand.Rand) []*play {
	for _, p := range plays {
		p.err = p.begin(o)
	}
	if !plays[0].workload.sliced() {
		for _, p := range plays {
			p.try(func() (err error) {
				p.result, err = p.alone(o)
				return err
			})
		}
	} else {
		for _, p := range plays {
			p.try(p.calm)
		}
		for range slicesEach {
			for _, i := range order.Perm(len(plays)) {
				plays[i].try(plays[i].slice)
			}
		}
		for _, p := range plays {
			p.try(p.conclude)
		}
	}
	for _, p := range plays {
		p.end()
	}
	return plays
}

// try calls f in the play's place, unless the play has failed.
func (p *play) try(f func() error) {
	if p.err == nil {
		p.err = p.place.do(f)
	}
}

// begin starts what the play needs, each process in the play's network
// namespace.
func (p *play) begin(o *options) (err error) {
	if p.place, err = newPlace(); err != nil {
		return err
	}
	return p.place.do(func() error {
		if p.proxy.For == starts && !p.proxy.Plug {
			return p.beginBare()
		}
		if p.target, err = act(roleBackend); err != nil {
			return err
		}
		var addr string
		if _, err := fmt.Fscanln(p.target.out, &addr); err != nil {
			return fmt.Errorf("no backend: %w", err)
		}
		if p.service, err = start(p.proxy, netip.MustParseAddrPort(addr)); err != nil {
			return err
		}
		if p.workload.sliced() && p.workload.kind != starts {
			return p.beginLoad(o)
		}
		return nil
	})
}

// beginLoad starts the load that is sliced, and the sessions that stay.
func (p *play) beginLoad(o *options) (err error) {
	spec := p.service.spec(p.workload, o)
	if p.workload.kind == growth {
		stay := spec
		stay.Kind = load.Idle
		if p.held, err = startLoad(stay); err != nil {
			return err
		}
		spec.Kind, spec.Clients = load.Short, growthClients
	}
	spec.Duration = o.duration / sliceOfTime
	p.load, err = startLoad(spec)
	return err
}

// calm waits until the effects of begin are over: the warm-up, and a worker
// that has just answered.
func (p *play) calm() error {
	p.service.settled()
	return nil
}

// slice runs one slice of the load.
func (p *play) slice() (err error) {
	next := p.workerStarts
	switch {
	case p.load != nil && p.sum.Ops == 0:
		next = p.load.round // the warm-up is not counted
	case p.load != nil:
		next = p.load.more
	}
	from := p.service.used()
	if p.sum, err = next(); err != nil {
		return err
	}
	p.cpu += p.service.settled() - from
	return nil
}

// conclude computes the figures from all slices.
func (p *play) conclude() error {
	if p.load != nil {
		if err := p.load.end(); err != nil {
			return err
		}
	}
	loads := []load.Result{p.sum}
	if p.held != nil {
		// Their last message proves that they have lived the whole time.
		lived, err := p.held.round()
		if err != nil {
			return err
		}
		if err := p.held.end(); err != nil {
			return err
		}
		loads = append(loads, lived)
	}
	p.result = p.service.judged(loads...)
	p.result.figures = figures(p.workload, p.sum, p.cpu, cgroup.Held{})
	return nil
}

// end stops everything that begin has started.
func (p *play) end() {
	for _, c := range []*client{p.load, p.held} {
		if c != nil {
			c.end()
		}
	}
	if p.service != nil {
		p.service.stop()
	}
	if p.target != nil {
		p.target.end()
	}
	if p.place != nil {
		p.place.leave()
	}
}
