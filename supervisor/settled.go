// What the system or an admin has decided in place of the configuration. It is
// stored beside the configuration, which does not change once it is checked.

package supervisor

import (
	"runtime"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
)

// settled are the values that hold where the configuration leaves them open, or
// where an admin has changed them.
type settled struct {
	maxWorkers  int  // --max-workers, or what the system allows
	workers     int  // of --mode pool: --workers, or one per core; else 0
	logLevel    int  // -d, or what an admin has set
	logLevelSet bool // an admin has
}

// settle decides what a configuration leaves to the system.
func settle(cfg *config.Config) settled {
	s := settled{maxWorkers: cfg.MaxWorkers, workers: cfg.Workers, logLevel: cfg.Debug}
	if s.maxWorkers == 0 {
		s.maxWorkers = host.MaxWorkers()
	}
	if s.workers == 0 && cfg.Mode == config.Pool {
		s.workers = min(runtime.NumCPU(), s.maxWorkers)
	}
	return s
}

// running is the configuration with the values that hold.
func (m *master) running() config.Config {
	cfg := *m.plug.cfg
	cfg.MaxWorkers, cfg.Workers, cfg.Debug = m.plug.settled.maxWorkers, m.plug.settled.workers, m.plug.settled.logLevel
	return cfg
}
