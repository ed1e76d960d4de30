// The plug's listener: bound here, or taken from the service manager, which also
// decides what the plug is called.

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
	if cfg.Backlog > 0 { // on a socket that listens, listen(2) sets its backlog
		if err := unix.Listen(fd, cfg.Backlog); err != nil {
			return -1, fmt.Errorf("--backlog %d: %s", cfg.Backlog, host.Reason(err))
		}
	}
	return fd, nil
}

// adoptListener takes a listener from somebody else, and learns from it where the
// plug listens. The configuration as it was checked is left alone.
func (m *master) adoptListener(inherited int) (fd int, err error) {
	cfg := *m.plug.cfg
	if fd, err = host.AdoptListener(inherited, &cfg.Source, cfg.Keepalive); err != nil {
		return -1, err
	}
	m.plug.cfg, m.plug.tag = &cfg, cfg.Source.Tag()
	m.syslog.Tag = m.plug.tag
	return fd, nil
}
