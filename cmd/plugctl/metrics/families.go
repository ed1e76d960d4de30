// The metric families: each one's name, help, type and labels.

package metrics

import (
	"strconv"
	"time"

	"daemon/plug/supervisor/control"
)

// Label values that are present even before the plug has counted any, so that
// rate() and alerts see the first one.
var (
	targetStates   = []string{"good", "failing", "failed", "draining", "disabled"}
	workerStates   = []string{"starting", "spare", "busy", "draining"}
	upgradeResults = []string{"done", "failed"}
)

const upHelp = "Whether the plug answered on its control socket."

// all makes every family except plug_up. Names say what is counted, and in
// which unit.
func (out sink) all(m *control.Metrics, s *control.Status) {
	out.gauge("plug_build_info", "Always 1; its labels are the version and the mode.", 1, label{"version", m.Build}, label{"mode", s.Mode})
	out.gauge("plug_start_time_seconds", "When the plug started, in seconds since 1970; upgrades do not change it.", m.StartedUnix)
	out.gauge("plug_paused", "Whether accepting is paused.", truth(m.Paused))
	if s.Queue >= 0 {
		out.gauge("plug_queue_clients", "Clients waiting in the kernel's queue.", float64(s.Queue))
	}
	out.sessions(m)
	out.targets(m.Targets)
	out.workers(m)
	out.master(&m.Master)
	out.records(m)
}

func (out sink) sessions(m *control.Metrics) {
	out.gauge("plug_sessions", "Live sessions.", float64(m.Sessions))
	out.gauge("plug_sessions_limit", "Maximum number of live sessions.", float64(m.SessionsLimit))
	if m.PoolSessionsLimit > 0 {
		out.gauge("plug_pool_sessions_limit", "Maximum number of live sessions in one pool worker.", float64(m.PoolSessionsLimit))
	}
	out.counter("plug_sessions_accepted_total", "Accepted sessions, both ended and live.", float64(m.Accepted))
	for outcome, by := range m.Ended {
		for cause, n := range by {
			out.counter("plug_sessions_ended_total", "Ended sessions, by outcome and by who ended them (client, target, admin ...).", float64(n),
				label{"outcome", outcome}, label{"cause", cause})
		}
	}
	out.counter("plug_clients_refused_total", "Clients refused by the rules of -a.", float64(m.Refused))
	out.counter("plug_sessions_redispatched_total", "Sessions that moved to another target because a connect failed.", float64(m.Redispatches))
	out.histogram("plug_session_duration_seconds", "Duration of ended sessions.", m.Durations)
}

func (out sink) targets(targets []control.Target) {
	for i, name := range namesOf(targets) {
		t := &targets[i]
		for _, state := range targetStates {
			out.gauge("plug_target_state", "1 for the state that a target is in, 0 for the others.", truth(t.State == state), append(name, label{"state", state})...)
		}
		out.gauge("plug_target_sessions", "Live sessions of a target.", float64(t.Sessions), name...)
		out.counter("plug_target_connects_total", "Attempts to connect to a target.", float64(t.Connects), name...)
		out.counter("plug_target_failures_total", "Failed attempts to connect to a target.", float64(t.Failures), name...)
		out.counter("plug_client_received_bytes_total", "Bytes received from clients for a target, in ended and live sessions.", float64(t.In), name...)
		out.counter("plug_target_received_bytes_total", "Bytes received from a target, in ended and live sessions.", float64(t.Out), name...)
		if t.ConnectTimes != nil {
			out.histogram("plug_session_connect_duration_seconds", "Time from accepting a client until its target was connected.", *t.ConnectTimes, name...)
		}
		out.gauge("plug_target_last_failure_timestamp_seconds", "When a connect to a target last failed, in seconds since 1970; 0 = never.", unix(t.LastFailureAt), name...)
	}
}

// namesOf returns the labels of targets. A target that occurs more than once
// on the command line has several slots, which are numbered: no two series are
// the same.
func namesOf(targets []control.Target) [][]label {
	copies, seen := map[string]int{}, map[string]int{}
	for _, t := range targets {
		copies[t.Target]++
	}
	names := make([][]label, len(targets))
	for i, t := range targets {
		names[i] = []label{{"target", t.Target}}
		if copies[t.Target] > 1 {
			seen[t.Target]++
			names[i] = append(names[i], label{"slot", strconv.Itoa(seen[t.Target])})
		}
	}
	return names
}

func (out sink) workers(m *control.Metrics) {
	for _, state := range workerStates {
		out.gauge("plug_workers", "Workers, by state.", float64(m.Workers[state]), label{"state", state})
	}
	out.gauge("plug_workers_limit", "Maximum number of workers (--max-workers).", float64(m.Limit))
	out.counter("plug_worker_starts_total", "Workers started.", float64(m.Spawns))
	out.counter("plug_worker_start_failures_total", "Workers that could not be started or that ended before they were ready.", float64(m.SpawnFailures))
	exits := func(cause, signal string, n uint64) {
		out.counter("plug_worker_exits_total", "Ended workers, by cause; the signal number if a signal killed them. Unknown: workers of an earlier master, after an upgrade its spares.", float64(n),
			label{"cause", cause}, label{"signal", signal})
	}
	exits("exit", "", m.Deaths.Exit)
	exits("unknown", "", m.Deaths.Unknown)
	for signal, n := range m.Deaths.Signals {
		exits("signal", signal, n)
	}
	for _, outcome := range upgradeResults {
		out.counter("plug_upgrades_total", "Upgrades, by outcome.", float64(m.Upgrades[outcome]), label{"outcome", outcome})
	}
}

// master describes only the master process. Values that are 0 are unknown.
func (out sink) master(p *control.Process) {
	out.counter("plug_master_cpu_seconds_total", "CPU time of the master process; an upgrade starts a new one.", p.CPU)
	for _, g := range []struct {
		name, help string
		value      float64
	}{
		{"plug_master_start_time_seconds", "When the master process took over, in seconds since 1970.", p.Started},
		{"plug_master_resident_memory_bytes", "Memory of the master process.", float64(p.Memory)},
		{"plug_master_open_fds", "Open descriptors of the master process.", float64(p.OpenFDs)},
		{"plug_master_max_fds", "Maximum number of open descriptors of the master process.", float64(p.MaxFDs)},
	} {
		if g.value > 0 {
			out.gauge(g.name, g.help, g.value)
		}
	}
}

func (out sink) records(m *control.Metrics) {
	out.counter("plug_session_log_lines_lost_total", "Lines missing from the session log.", float64(m.LinesLost))
	out.counter("plug_session_log_lines_retried_total", "Retries of session log lines that could not be written.", float64(m.LinesRetried))
	out.counter("plug_syslog_records_lost_total", "Log records lost because syslog did not accept them.", float64(m.RecordsLost))
	out.counter("plug_log_lines_lost_total", "Log lines lost because stderr did not accept them.", float64(m.LogLinesLost))
	out.counter("plug_notification_overflows_total", "Worker notifications that found the pipe to the master full (nothing is lost).", float64(m.BellOverflows))
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
