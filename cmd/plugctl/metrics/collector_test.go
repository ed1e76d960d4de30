// Tests of a scrape: its series, several plugs, plugs that do not answer.

package metrics

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// scrape returns what Prometheus would get.
func scrape(t *testing.T, f *fake) (families []*dto.MetricFamily, text string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&collector{plugs: f.plugs(), timeout: time.Second})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			t.Fatal(err)
		}
	}
	return families, b.String()
}

// busySeries are the series of the plug that busy returns, one for each number.
var busySeries = []string{
	`plug_up{plug="80"} 1`,
	`plug_build_info{mode="prefork",plug="80",version="3.0.0+abc"} 1`,
	`plug_start_time_seconds{plug="80"} 1.7e+09`,
	`plug_paused{plug="80"} 0`,
	`plug_queue_clients{plug="80"} 2`,
	`plug_sessions{plug="80"} 3`,
	`plug_sessions_limit{plug="80"} 640`,
	`plug_pool_sessions_limit{plug="80"} 10`,
	`plug_sessions_accepted_total{plug="80"} 1234`,
	`plug_sessions_ended_total{cause="client",outcome="complete",plug="80"} 800`,
	`plug_sessions_ended_total{cause="target_timeout",outcome="unreached",plug="80"} 30`,
	`plug_sessions_ended_total{cause="target",outcome="unreached",plug="80"} 0`,
	`plug_sessions_ended_total{cause="admin",outcome="admin",plug="80"} 0`,
	`plug_client_received_bytes_total{plug="80",target="10.0.3.15:80"} 5.24288e+06`,
	`plug_target_received_bytes_total{plug="80",target="10.0.3.15:80"} 7.516192768e+09`,
	`plug_clients_refused_total{plug="80"} 12`,
	`plug_sessions_redispatched_total{plug="80"} 4`,
	`plug_session_duration_seconds_bucket{plug="80",le="0.01"} 1000`,
	`plug_session_duration_seconds_bucket{plug="80",le="0.1"} 1200`,
	`plug_session_duration_seconds_bucket{plug="80",le="1"} 1230`,
	`plug_session_duration_seconds_bucket{plug="80",le="+Inf"} 1231`,
	`plug_session_duration_seconds_sum{plug="80"} 77.5`,
	`plug_session_duration_seconds_count{plug="80"} 1231`,
	`plug_session_connect_duration_seconds_count{plug="80",target="10.0.3.15:80"} 1231`,
	`plug_session_connect_duration_seconds_bucket{plug="80",target="10.0.3.15:80",le="0.001"} 1200`,
	`plug_target_state{plug="80",state="failed",target="[2001:db8::1]:80"} 1`,
	`plug_target_state{plug="80",state="good",target="[2001:db8::1]:80"} 0`,
	`plug_target_state{plug="80",state="failing",target="[2001:db8::1]:80"} 0`,
	`plug_target_last_failure_timestamp_seconds{plug="80",target="[2001:db8::1]:80"} 1.70000000025e+09`,
	`plug_target_last_failure_timestamp_seconds{plug="80",target="10.0.3.15:80"} 0`,
	`plug_target_sessions{plug="80",target="10.0.3.15:80"} 2`,
	`plug_target_connects_total{plug="80",target="10.0.3.15:80"} 1000`,
	`plug_target_failures_total{plug="80",target="[2001:db8::1]:80"} 30`,
	`plug_workers{plug="80",state="spare"} 4`,
	`plug_workers{plug="80",state="draining"} 0`,
	`plug_workers_limit{plug="80"} 64`,
	`plug_worker_starts_total{plug="80"} 50`,
	`plug_worker_start_failures_total{plug="80"} 2`,
	`plug_worker_exits_total{cause="exit",plug="80",signal=""} 40`,
	`plug_worker_exits_total{cause="unknown",plug="80",signal=""} 0`,
	`plug_worker_exits_total{cause="signal",plug="80",signal="9"} 3`,
	`plug_worker_exits_total{cause="signal",plug="80",signal="15"} 0`,
	`plug_upgrades_total{outcome="done",plug="80"} 2`,
	`plug_upgrades_total{outcome="failed",plug="80"} 0`,
	`plug_notification_overflows_total{plug="80"} 5`,
	`plug_session_log_lines_lost_total{plug="80"} 6`,
	`plug_session_log_lines_retried_total{plug="80"} 7`,
	`plug_syslog_records_lost_total{plug="80"} 8`,
	`plug_log_lines_lost_total{plug="80"} 10`,
	`plug_control_requests_total{plug="80"} 11`,
	`plug_master_cpu_seconds_total{plug="80"} 1.5`,
	`plug_master_start_time_seconds{plug="80"} 1.8e+09`,
	`plug_master_resident_memory_bytes{plug="80"} 2.097152e+07`,
	`plug_master_open_fds{plug="80"} 30`,
	`plug_master_max_fds{plug="80"} 1024`,
}

func TestEachNumberHasItsSeries(t *testing.T) {
	_, text := scrape(t, busy())
	for _, want := range busySeries {
		if !strings.Contains("\n"+text, "\n"+want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestQueueThatIsNotKnown(t *testing.T) {
	f := busy()
	f.status.Queue = -1
	if _, text := scrape(t, f); strings.Contains(text, "plug_queue") {
		t.Errorf("a queue of unknown length is shown:\n%s", text)
	}
}

// Not running, refusing or silent: one series, 0, within a time limit.
func TestUpIsNoughtWhileAway(t *testing.T) {
	for name, make := range map[string]func(*fake){
		"away":   func(f *fake) { f.leave("dial: no such file") },
		"silent": func(f *fake) { f.silent.Store(true) },
	} {
		f := busy()
		make(f)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(&collector{plugs: f.plugs(), timeout: 50 * time.Millisecond})
		want := "# HELP plug_up " + upHelp + "\n# TYPE plug_up gauge\nplug_up{plug=\"/run/fake.ctl\"} 0\n"
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A target that the command line contains twice has two series of each kind.
func TestSameTargetTwice(t *testing.T) {
	f := busy()
	f.metrics.Targets = append(f.metrics.Targets, f.metrics.Targets[0])
	f.metrics.Targets[2].Sessions = 5
	_, text := scrape(t, f)
	for _, want := range []string{
		`plug_target_sessions{plug="80",slot="1",target="10.0.3.15:80"} 2`,
		`plug_target_sessions{plug="80",slot="2",target="10.0.3.15:80"} 5`,
		`plug_target_sessions{plug="80",target="[2001:db8::1]:80"} 1`,
		`plug_session_connect_duration_seconds_count{plug="80",slot="2",target="10.0.3.15:80"} 1231`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// One exporter for several plugs: each has its label, even after it has gone,
// and a plug that does not answer does not delay the others.
func TestSeveralPlugs(t *testing.T) {
	a, b, same := busy(), busy(), busy()
	b.status.Label = "443"
	plugs := []*Plug{{Place: "/a", Ask: a.ask}, {Place: "/b", Ask: b.ask}, {Place: "/c", Ask: same.ask}}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&collector{plugs: plugs, timeout: 100 * time.Millisecond})
	ups := func() (ups []string) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "plug_up" {
				for _, m := range family.Metric {
					ups = append(ups, fmt.Sprint(m.Label[0].GetValue(), " ", m.Gauge.GetValue()))
				}
			}
		}
		return ups
	}
	if got := ups(); !slices.Equal(got, []string{"443 1", "80@/a 1", "80@/c 1"}) {
		t.Errorf("%q", got)
	}
	b.silent.Store(true)
	same.leave("gone")
	if got := ups(); !slices.Equal(got, []string{"443 0", "80@/a 1", "80@/c 0"}) {
		t.Errorf("with two away: %q", got)
	}
}

// An inconsistent histogram makes the scrape fail with a reason; it is not
// shown and does not panic.
func TestBrokenHistogram(t *testing.T) {
	f := busy()
	f.metrics.Durations.Counts = f.metrics.Durations.Counts[:2]
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{plugs: f.plugs(), timeout: time.Second})
	if _, err := registry.Gather(); err == nil || !strings.Contains(err.Error(), "2 counts for 3 bounds") {
		t.Errorf("error %v", err)
	}
}

// Names meet the rules of Prometheus's own linter.
func TestLint(t *testing.T) {
	families, _ := scrape(t, busy())
	if len(families) < 30 {
		t.Fatalf("%d families", len(families))
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool (Debian's prometheus) to judge the names; TestLint does")
	}
	_, text := scrape(t, busy())
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// The manual names every family, and no others.
func TestManualNamesTheFamilies(t *testing.T) {
	page, err := os.ReadFile("../plugctl.8")
	if err != nil {
		t.Fatal(err)
	}
	families, _ := scrape(t, busy())
	var exported, named []string
	for _, family := range families {
		exported = append(exported, family.GetName())
	}
	for _, item := range regexp.MustCompile(`(?m)^\.It Li (plug_\w+)$`).FindAllStringSubmatch(string(page), -1) {
		named = append(named, item[1])
	}
	slices.Sort(named)
	if !slices.Equal(exported, named) {
		t.Errorf("exported: %q\nin plugctl.8: %q", exported, named)
	}
}
