// Values decided by the system or an admin, in addition to the configuration,
// which does not change once it is checked.

package supervisor

import (
	"runtime"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
)

// settled holds the values in effect where the configuration leaves them open, or
// where an admin has changed them.
type settled struct {
	maxWorkers  int  // --max-workers, or what the system allows
	workers     int  // of --mode pool: --workers, or one per core; otherwise 0
	logLevel    int  // -d, or the level that an admin has set
	logLevelSet bool // an admin has set it
}

// settle decides what a configuration leaves open.
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

// running returns the configuration with the values in effect.
func (m *master) running() config.Config {
	cfg := *m.plug.cfg
	cfg.MaxWorkers, cfg.Workers, cfg.Debug = m.plug.settled.maxWorkers, m.plug.settled.workers, m.plug.settled.logLevel
	return cfg
}
