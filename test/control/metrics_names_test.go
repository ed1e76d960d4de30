// Tests of metrics: names, zeros from the start, live sessions, kills.

package control

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"daemon/plug/test/harness"
)

// A plug's metrics pass Prometheus's own linter, and counters of events that
// have not happened are 0: a series that begins with its first event has no
// rate.
func TestMetricsFromTheStart(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		e := export(harness.Start(t, mode, harness.WithControl(target)...))
		_, body := e.get("metrics")
		problems, err := promlint.New(strings.NewReader(body)).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v, %v", problems, err)
		}
		for line := range strings.Lines(body) {
			if name, labels, _ := strings.Cut(line, "{"); !strings.HasPrefix(line, "#") && strings.Contains(labels, " ") &&
				strings.Contains(labels[:strings.LastIndexByte(labels, '}')], " ") {
				t.Errorf("%s has a space in a label: %s", name, labels)
			}
		}
		got := e.scrape()
		for _, name := range []string{
			`plug_sessions_ended_total{cause="client",outcome="complete"}`,
			`plug_sessions_ended_total{cause="target",outcome="complete"}`,
			`plug_sessions_ended_total{cause="target",outcome="unreached"}`,
			`plug_sessions_ended_total{cause="target_timeout",outcome="unreached"}`,
			`plug_sessions_ended_total{cause="client_timeout",outcome="cut"}`,
			`plug_sessions_ended_total{cause="limit",outcome="denied"}`,
			`plug_sessions_ended_total{cause="signal",outcome="killed"}`,
			`plug_sessions_ended_total{cause="admin",outcome="admin"}`,
			`plug_worker_exits_total{cause="exit",signal=""}`,
			`plug_worker_exits_total{cause="unknown",signal=""}`,
			`plug_worker_exits_total{cause="signal",signal="9"}`,
			`plug_worker_exits_total{cause="signal",signal="11"}`,
			`plug_worker_exits_total{cause="signal",signal="15"}`,
			fmt.Sprintf(`plug_client_received_bytes_total{target=%q}`, target),
			fmt.Sprintf(`plug_target_failures_total{target=%q}`, target),
			fmt.Sprintf(`plug_session_connect_duration_seconds_count{target=%q}`, target),
			`plug_clients_refused_total`, `plug_sessions_redispatched_total`, `plug_worker_start_failures_total`,
			`plug_session_log_lines_lost_total`, `plug_syslog_records_lost_total`, `plug_log_lines_lost_total`, `plug_notification_overflows_total`,
		} {
			if value, there := got[name]; !there || value != 0 {
				t.Errorf("%s is %v, there %v; want 0", name, value, there)
			}
		}
		limit, inPool := got["plug_sessions_limit"], mode == "pool"
		if per := got["plug_pool_sessions_limit"]; (per > 0) != inPool || limit < 1 || inPool && limit < per {
			t.Errorf("limits: %v sessions, %v of a pool worker", limit, per)
		}
		for _, name := range []string{"plug_master_cpu_seconds_total", "plug_master_resident_memory_bytes", "plug_master_open_fds",
			"plug_master_max_fds", "plug_master_start_time_seconds"} {
			if runtime.GOOS == "linux" && got[name] <= 0 {
				t.Errorf("%s is %v", name, got[name])
			}
		}
	})
}

// While a session lives, it is counted among those that were connected, and
// its bytes are counted for its target.
func TestMetricsOfLiveSessions(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.Start(t, mode, harness.WithControl(target)...)
		e := export(p)
		harness.Hold(t, p, 3) // each has sent and received one byte
		got := e.scrape()
		for name, want := range map[string]float64{
			"plug_session_connect_duration_seconds_count": 3, "plug_client_received_bytes_total": 3, "plug_target_received_bytes_total": 3,
			"plug_target_sessions": 3,
		} {
			if name := fmt.Sprintf("%s{target=%q}", name, target); got[name] < want || got[name] > 3*want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		busy := 0.0 // the master gets no doorbells for short sessions
		if !harness.HoldsWithin(harness.ShortWait, func() bool {
			busy = e.scrape()[`plug_workers{state="busy"}`]
			return busy == 3 || mode == "pool" && busy > 0
		}) {
			t.Errorf("%v workers are busy", busy)
		}
	})
}

// A target that is given twice has two slots. Each has its own sessions, in
// the list and in the metrics, where the two series differ; an admin's command
// applies to both.
func TestTargetGivenTwice(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
		p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(target, target)...)
		e := export(p)
		harness.Hold(t, p, 4) // in rotation: two for each
		check := func(when string) {
			t.Helper()
			listed := p.CtlJSON("targets").Targets
			if len(listed) != 2 || listed[0].Sessions != 2 || listed[1].Sessions != 2 {
				t.Errorf("%s: targets lists %+v", when, listed)
			}
			got := e.scrape()
			for _, slot := range []string{"1", "2"} {
				for _, family := range []string{"plug_target_sessions", "plug_session_connect_duration_seconds_count"} {
					if name := fmt.Sprintf("%s{slot=%q,target=%q}", family, slot, target); got[name] != 2 {
						t.Errorf("%s: %s is %v, want 2", when, name, got[name])
					}
				}
			}
		}
		check("at first")
		p.Upgrade(harness.NextVersion)
		check("after an upgrade")
		if r := p.CtlJSON("target", "disable", target); len(r.Targets) != 2 || r.Targets[0].State != "disabled" || r.Targets[1].Sessions != 2 {
			t.Errorf("disabled: %+v", r.Targets)
		}
	})
}

// A killed worker's signal is a label, and its session's end is counted once.
func TestMetricsOfAKill(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	e := export(p)
	harness.Hold(t, p, 1)
	syscall.Kill(p.Carriers(1)[0], syscall.SIGKILL)
	var got map[string]float64
	harness.Await(t, "the kill to be counted", harness.LongWait, func() bool {
		got = e.scrape()
		return got[`plug_worker_exits_total{cause="signal",signal="9"}`] == 1
	})
	if n := got[`plug_sessions_ended_total{cause="signal",outcome="killed"}`]; n != 1 {
		t.Errorf("%v sessions ended by a signal", n)
	}
}
