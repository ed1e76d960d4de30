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
	cfg := m.cfg
	if cfg.Source.Inherited == "" {
		return host.Listen(cfg.Source, cfg.Backlog, cfg.Keepalive)
	}
	fd, err := host.AdoptListener(shepherd.ListenerFD, &cfg.Source, cfg.Keepalive)
	if err != nil {
		return -1, err
	}
	m.tag = cfg.Source.Tag()
	m.syslog.tag = m.tag
	if err := cfg.Loops(config.ThisSystem()); err != nil {
		return -1, err
	}
	if cfg.Backlog > 0 { // on a socket that listens, listen(2) sets its backlog
		if err := unix.Listen(fd, cfg.Backlog); err != nil {
			return -1, fmt.Errorf("--backlog %d: %s", cfg.Backlog, host.Reason(err))
		}
	}
	return fd, nil
}
