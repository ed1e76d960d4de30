// The plug's listeners: bound here, or taken from the service manager, which then
// also determines the plug's name.

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
	fd      int
	source  config.Source // where it listens
	revival revival
}

// openListeners opens the plug's listener, or takes those of the service manager.
func (p *plug) openListeners() error {
	if p.cfg.Source.Inherited == "" {
		fd, err := host.Listen(p.cfg.Source, p.cfg.Backlog, p.cfg.Keepalive)
		if err == nil {
			p.listeners = []listener{{fd: fd, source: p.cfg.Source}}
		}
		return err
	}
	if err := p.adoptListeners(shepherd.Listeners()); err != nil {
		return err
	}
	for _, l := range p.listeners {
		cfg := *p.cfg
		cfg.Source = l.source
		if err := cfg.Loops(config.ThisSystem()); err != nil {
			return err
		}
		if p.cfg.Backlog > 0 { // listen(2) sets the backlog of a socket that already listens
			if err := unix.Listen(l.fd, p.cfg.Backlog); err != nil {
				return fmt.Errorf("--backlog %d: %s", p.cfg.Backlog, host.Reason(err))
			}
		}
	}
	return nil
}

// adoptListeners takes listeners from another process. From a single one it learns
// where the plug listens; several are known by the service manager's name for them.
// The checked configuration does not change.
func (p *plug) adoptListeners(inherited []int) error {
	cfg := *p.cfg
	all := make([]listener, len(inherited))
	for i, fd := range inherited {
		source := cfg.Source
		if err := host.AdoptListener(fd, &source, cfg.Keepalive); err != nil {
			return err
		}
		all[i] = listener{fd: fd, source: source}
	}
	if len(all) == 1 {
		cfg.Source = all[0].source
	}
	p.listeners, p.cfg, p.tag = all, &cfg, cfg.Source.Tag()
	if p == p.m.plugs[0] {
		p.m.syslog.Tag = p.m.tag()
	}
	return nil
}

// continueListeners takes over the listeners that an old master has bound.
func (p *plug) continueListeners(fds []int) error {
	if p.cfg.Source.Inherited != "" {
		return p.adoptListeners(fds)
	}
	p.listeners = nil
	for _, fd := range fds {
		p.listeners = append(p.listeners, listener{fd: fd, source: p.cfg.Source})
	}
	return nil
}

// queued returns how many clients wait in the queues of the listeners.
func (p *plug) queued() (n int) {
	for i := range p.listeners {
		n += host.Queued(p.listeners[i].fd)
	}
	return n
}
