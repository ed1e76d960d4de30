// Values decided by the system or an admin, in addition to the configuration,
// which does not change once it is checked.

package supervisor

import (
	"runtime"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
)

// settled holds the values in effect where a plug's configuration leaves them open.
type settled struct {
	maxWorkers int // --max-workers, or what the system allows
	workers    int // of --mode pool: --workers, or one per core; otherwise 0
}

// settle decides what a configuration leaves open.
func settle(cfg *config.Plug) settled {
	s := settled{maxWorkers: cfg.MaxWorkers, workers: cfg.Workers}
	if s.maxWorkers == 0 {
		s.maxWorkers = host.MaxWorkers()
	}
	if s.workers == 0 && cfg.Mode == config.Pool {
		s.workers = min(runtime.NumCPU(), s.maxWorkers)
	}
	return s
}

// running returns copies of the configurations with the values in effect.
func (p *plug) running() config.Values {
	process, cfg := *p.m.cfg, *p.cfg
	cfg.MaxWorkers, cfg.Workers, process.Debug = p.settled.maxWorkers, p.settled.workers, p.m.level
	return config.Values{Process: &process, Plug: &cfg}
}
