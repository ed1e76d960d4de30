package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daemon/plug/supervisor/control"
)

// Words that a label can take although the plug has not counted any yet, so that
// rate() and alerts see the first one.
var (
	targetStates   = []string{"good", "failing", "failed", "draining", "disabled"}
	workerStates   = []string{"starting", "spare", "busy", "draining"}
	upgradeResults = []string{"done", "failed"}
)

// all is every family but plug_up. Names follow the control socket's JSON.
func (out sink) all(m *control.Metrics, s *control.Status) {
	out.gauge("plug_build_info", "Always 1; the version, the mode and the listening side are its labels.", 1,
		label{"version", m.Build}, label{"mode", s.Mode}, label{"listen", s.Label})
	out.gauge("plug_start_time_seconds", "When the plug started, in seconds since 1970; upgrades don't change it.", m.StartedUnix)
	out.gauge("plug_paused", "Whether accepting is paused.", truth(m.Paused))
	if s.Queue >= 0 {
		out.gauge("plug_queue_clients", "Clients that wait in the kernel's queue.", float64(s.Queue))
	}
	out.traffic(m)
	out.targets(m.Targets)
	out.processes(m)
	out.records(m)
}

func (out sink) traffic(m *control.Metrics) {
	out.gauge("plug_sessions", "Live sessions.", float64(m.Sessions))
	out.counter("plug_accepted_total", "Sessions that were admitted, ended and live.", float64(m.Accepted))
	out.each(prometheus.CounterValue, "plug_ended_total", "Sessions that have ended, by outcome.", "outcome", m.Ended)
	out.each(prometheus.CounterValue, "plug_causes_total", "Sessions that have ended, by who ended them.", "cause", m.Causes)
	const bytes = "Bytes of ended and live sessions: in from clients, out from targets."
	out.counter("plug_bytes_total", bytes, float64(m.BytesIn), label{"direction", "in"})
	out.counter("plug_bytes_total", bytes, float64(m.BytesOut), label{"direction", "out"})
	out.counter("plug_refused_total", "Clients refused by the rules of -a.", float64(m.Refused))
	out.counter("plug_redispatches_total", "Sessions that went to another target, since one could not be connected.", float64(m.Redispatches))
	out.histogram("plug_duration_seconds", "How long ended sessions took.", m.Durations)
	out.histogram("plug_connect_duration_seconds", "From accept until a target was connected.", m.ConnectTimes)
}

func (out sink) targets(targets []control.Target) {
	for _, t := range targets {
		of := label{"target", t.Target}
		for _, state := range targetStates {
			out.gauge("plug_target_state", "1 for the state that a target is in.", truth(t.State == state), of, label{"state", state})
		}
		out.gauge("plug_target_last_failure_timestamp_seconds", "When an attempt to connect a target last failed, in seconds since 1970; 0 is never.", unix(t.LastFailureAt), of)
		out.gauge("plug_target_sessions", "Live sessions of a target.", float64(t.Sessions), of)
		out.counter("plug_target_connects_total", "Attempts to connect a target.", float64(t.Connects), of)
		out.counter("plug_target_failures_total", "Attempts to connect a target that failed.", float64(t.Failures), of)
	}
}

func (out sink) processes(m *control.Metrics) {
	for _, state := range workerStates {
		out.gauge("plug_workers", "Workers, by state.", float64(m.Workers[state]), label{"state", state})
	}
	out.gauge("plug_workers_limit", "As many workers there may be (--max-workers).", float64(m.Limit))
	out.counter("plug_spawns_total", "Workers started.", float64(m.Spawns))
	out.counter("plug_spawn_failures_total", "Forks that failed, and workers that died before they were ready.", float64(m.SpawnFailures))
	out.each(prometheus.CounterValue, "plug_deaths_total", "Workers that have ended, by cause.", "cause", m.Deaths)
	for _, outcome := range upgradeResults {
		out.counter("plug_upgrades_total", "Upgrades, by outcome.", float64(m.Upgrades[outcome]), label{"outcome", outcome})
	}
	out.gauge("plug_master_cpu_seconds", "Processor time of this master alone; each upgrade starts it anew.", m.MasterCPU)
}

func (out sink) records(m *control.Metrics) {
	out.counter("plug_bell_overflows_total", "Doorbells that found the report pipe full.", float64(m.BellOverflows))
	out.counter("plug_lines_lost_total", "Session lines given up.", float64(m.LinesLost))
	out.counter("plug_lines_retried_total", "Session lines that had to be written again.", float64(m.LinesRetried))
	out.counter("plug_records_lost_total", "Syslog records given up.", float64(m.RecordsLost))
	out.counter("plug_pidfile_writes_total", "Versions of the pidfile written.", float64(m.PidfileWrites))
	out.counter("plug_control_requests_total", "Requests on the control socket.", float64(m.ControlRequests))
}

func unix(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
