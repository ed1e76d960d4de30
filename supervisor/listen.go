// The plug's listener: bound here, or taken from the service manager, which then
// also determines the plug's name.

package supervisor

import (
	"fmt"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/shepherd"
)

// openListener opens the plug's listener, or takes it from the service manager.
func (m *master) openListener() (int, error) {
	cfg := m.plug.cfg
	if cfg.Source.Inherited == "" {
		return host.Listen(cfg.Source, cfg.Backlog, cfg.Keepalive)
	}
	fd, err := m.adoptListener(shepherd.ListenerFD)
	if err != nil {
		return -1, err
	}
	if err := m.plug.cfg.Loops(config.ThisSystem()); err != nil {
		return -1, err
	}
	if cfg.Backlog > 0 { // listen(2) sets the backlog of a socket that already listens
		if err := unix.Listen(fd, cfg.Backlog); err != nil {
			return -1, fmt.Errorf("--backlog %d: %s", cfg.Backlog, host.Reason(err))
		}
	}
	return fd, nil
}

// adoptListener takes a listener from another process, and learns from it where
// the plug listens. The checked configuration does not change.
func (m *master) adoptListener(inherited int) (fd int, err error) {
	cfg := *m.plug.cfg
	if fd, err = host.AdoptListener(inherited, &cfg.Source, cfg.Keepalive); err != nil {
		return -1, err
	}
	m.plug.cfg, m.plug.tag = &cfg, cfg.Source.Tag()
	m.syslog.Tag = m.plug.tag
	return fd, nil
}
