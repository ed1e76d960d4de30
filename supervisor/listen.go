// The plug's listeners: bound here, or taken from the service manager, which then
// also determines the label of a plug with one listener.

package supervisor

import (
	"fmt"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/shepherd"
)

// listener is a socket on which all workers of a plug accept clients.
type listener struct {
	number  uint32 // in orders to workers; the plug uses each number once
	fd      int
	source  config.Source // where it listens
	given   config.Source // as the configuration names it
	revival revival
}

// openListeners binds the plug's listeners, and takes those of the service manager.
// After an error, abandon closes those that are open.
func (p *plug) openListeners() error {
	for _, source := range p.cfg.Listeners {
		if source.Inherited != "" {
			if err := p.openInherited(source); err != nil {
				return err
			}
			continue
		}
		fd, err := host.Listen(source, source.Backlog, p.cfg.ClientSockets())
		if err != nil {
			return err
		}
		p.listeners = append(p.listeners, listener{fd: fd, source: source, given: source})
	}
	p.numberListeners()
	p.learn()
	return nil
}

// numberListeners gives the first listeners of a plug their numbers.
func (p *plug) numberListeners() {
	for i := range p.listeners {
		p.listeners[i].number = p.nextNumber
		p.nextNumber++
	}
}

// openInherited takes the sockets that the service manager has opened for a source.
func (p *plug) openInherited(source config.Source) error {
	all, err := p.adopt(source, shepherd.Listeners(source.Inherited))
	if err != nil {
		return err
	}
	p.listeners = append(p.listeners, all...)
	for _, l := range all {
		cfg := *p.cfg
		cfg.Listeners = []config.Source{l.source}
		if err := cfg.Loops(config.ThisSystem()); err != nil {
			return err
		}
		if source.Backlog > 0 { // listen(2) sets the backlog of a socket that already listens
			if err := unix.Listen(l.fd, source.Backlog); err != nil {
				return fmt.Errorf("--backlog %d: %s", source.Backlog, host.Reason(err))
			}
		}
	}
	return nil
}

// adopt makes listeners of sockets that another process has opened for a source.
func (p *plug) adopt(source config.Source, fds []int) ([]listener, error) {
	all := make([]listener, len(fds))
	for i, fd := range fds {
		at := source
		if err := host.AdoptListener(fd, &at, p.cfg.ClientSockets()); err != nil {
			return nil, err
		}
		all[i] = listener{fd: fd, source: at, given: source}
	}
	return all, nil
}

// learn gives a plug whose only listener comes from the service manager the address
// of that listener. The checked configuration does not change.
func (p *plug) learn() {
	cfg := learned(p.cfg, p.listeners)
	if cfg == p.cfg {
		return
	}
	p.cfg, p.tag = cfg, cfg.Tag()
	if p == p.m.plugs[0] {
		p.m.syslog.Tag = p.m.tag()
	}
}

// learned returns a plug's configuration with what its listeners show.
func learned(cfg *config.Plug, listeners []listener) *config.Plug {
	if len(listeners) != 1 || cfg.Listeners[0].Inherited == "" {
		return cfg
	}
	c := *cfg
	if c.Name == c.Listeners[0].Label() { // a command line: its plug is named by its source
		c.Name = listeners[0].source.Label()
	}
	c.Listeners = []config.Source{listeners[0].source}
	return &c
}

// queued returns how many clients wait in the queues of the listeners.
func (p *plug) queued() (n int) {
	for i := range p.listeners {
		n += host.Queued(p.listeners[i].fd)
	}
	return n
}
