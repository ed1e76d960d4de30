package main

import (
	"cmp"
	"time"

	"daemon/plug/cmd/plugctl/metrics"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// ask asks for something that takes no time.
func (c *ctl) ask(request control.Request) (control.Reply, error) {
	m, err := c.Dial()
	if err != nil {
		return control.Reply{}, err
	}
	defer m.Close()
	return m.Ask(request)
}

// order has the master do something and shows how far that has come.
func (c *ctl) order(request control.Request) (control.Reply, error) {
	m, err := c.Dial()
	if err != nil {
		return control.Reply{}, err
	}
	defer m.Close()
	p := c.newProgress()
	defer p.end()
	return m.Order(request, p.show)
}

// do has the master do something and prints what it says when that is done.
func (c *ctl) do(request control.Request) error {
	r, err := c.order(request)
	if err != nil {
		return err
	}
	json := map[string]any{"said": r.Said}
	if r.Status != nil {
		json["status"] = r.Status
	}
	if r.Targets != nil {
		json["targets"] = r.Targets
	}
	return c.answer(show.Clean(r.Said)+"\n", json)
}

// forMetrics makes what plugctl metrics asks with: the master is found anew each
// time. One that does not run now may be started later, so only that none is
// named is an error.
func (c *ctl) forMetrics() ([]*metrics.Plug, time.Duration, error) {
	if err := c.Check(); err != nil {
		return nil, 0, err
	}
	ask := metrics.Over(func() (metrics.Conversation, error) { return c.Dial() })
	return []*metrics.Plug{{Place: cmp.Or(c.Control, c.Pidfile), Ask: ask}}, c.Timeout, nil
}
