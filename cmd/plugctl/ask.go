// How a command asks the master: at once, or with progress for what takes
// time.

package main

import (
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// ask sends a request that takes no time.
func (c *ctl) ask(request control.Request) (control.Reply, error) {
	m, err := c.Dial()
	if err != nil {
		return control.Reply{}, err
	}
	defer m.Close()
	return m.Ask(request)
}

// order sends an order to the master and shows its progress.
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

// do sends an order to the master and prints its message when it is done.
func (c *ctl) do(request control.Request) error {
	r, err := c.order(request)
	if err != nil {
		return err
	}
	json, text := map[string]any{"said": r.Said}, show.Lines(r.Said)
	if r.Changed != nil {
		json["changed"] = *r.Changed
		if !*r.Changed {
			text += " (unchanged)"
		}
	}
	if r.Status != nil {
		json["status"] = r.Status
	}
	if r.Targets != nil {
		json["targets"] = r.Targets
	}
	return c.answer(text+"\n", json)
}
