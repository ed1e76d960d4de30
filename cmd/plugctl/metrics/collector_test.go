package metrics

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// scrape is what a Prometheus would get.
func scrape(t *testing.T, f *fake) (families []*dto.MetricFamily, text string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&collector{ask: f.ask, timeout: time.Second})
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

func TestEachNumberHasItsSeries(t *testing.T) {
	_, text := scrape(t, busy())
	for _, want := range []string{
		`plug_up 1`,
		`plug_build_info{listen="80",mode="prefork",version="3.0.0+abc"} 1`,
		`plug_start_time_seconds 1.7e+09`,
		`plug_paused 0`,
		`plug_queue_clients 2`,
		`plug_sessions 3`,
		`plug_accepted_total 1234`,
		`plug_ended_total{outcome="unreached"} 30`,
		`plug_causes_total{cause="signal 9"} 31`,
		`plug_bytes_total{direction="in"} 5.24288e+06`,
		`plug_bytes_total{direction="out"} 7.516192768e+09`,
		`plug_refused_total 12`,
		`plug_redispatches_total 4`,
		`plug_duration_seconds_bucket{le="0.01"} 1000`,
		`plug_duration_seconds_bucket{le="0.1"} 1200`,
		`plug_duration_seconds_bucket{le="1"} 1230`,
		`plug_duration_seconds_bucket{le="+Inf"} 1231`,
		`plug_duration_seconds_sum 77.5`,
		`plug_duration_seconds_count 1231`,
		`plug_connect_duration_seconds_count 1231`,
		`plug_target_state{state="failed",target="[2001:db8::1]:80"} 1`,
		`plug_target_state{state="good",target="[2001:db8::1]:80"} 0`,
		`plug_target_state{state="failing",target="[2001:db8::1]:80"} 0`,
		`plug_target_last_failure_timestamp_seconds{target="[2001:db8::1]:80"} 1.70000000025e+09`,
		`plug_target_last_failure_timestamp_seconds{target="10.0.3.15:80"} 0`,
		`plug_target_sessions{target="10.0.3.15:80"} 2`,
		`plug_target_connects_total{target="10.0.3.15:80"} 1000`,
		`plug_target_failures_total{target="[2001:db8::1]:80"} 30`,
		`plug_workers{state="spare"} 4`,
		`plug_workers{state="draining"} 0`,
		`plug_workers_limit 64`,
		`plug_spawns_total 50`,
		`plug_spawn_failures_total 2`,
		`plug_deaths_total{cause="signal 9"} 3`,
		`plug_upgrades_total{outcome="done"} 2`,
		`plug_upgrades_total{outcome="failed"} 0`,
		`plug_bell_overflows_total 5`,
		`plug_lines_lost_total 6`,
		`plug_lines_retried_total 7`,
		`plug_records_lost_total 8`,
		`plug_pidfile_writes_total 9`,
		`plug_control_requests_total 11`,
		`plug_master_cpu_seconds 1.5`,
	} {
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

// Away, refusing or silent: one series, 0, in bounded time.
func TestUpIsNoughtWhileAway(t *testing.T) {
	for name, make := range map[string]func(*fake){
		"away":   func(f *fake) { f.leave("dial: no such file") },
		"silent": func(f *fake) { f.silent.Store(true) },
	} {
		f := busy()
		make(f)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(&collector{ask: f.ask, timeout: 50 * time.Millisecond})
		want := "# HELP plug_up " + upHelp + "\n# TYPE plug_up gauge\nplug_up 0\n"
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A histogram that contradicts itself fails the scrape with a reason; it is
// neither shown nor a panic.
func TestBrokenHistogram(t *testing.T) {
	f := busy()
	f.metrics.Durations.Counts = f.metrics.Durations.Counts[:2]
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{ask: f.ask, timeout: time.Second})
	if _, err := registry.Gather(); err == nil || !strings.Contains(err.Error(), "2 counts for 3 bounds") {
		t.Errorf("error %v", err)
	}
}

func TestLint(t *testing.T) {
	families, _ := scrape(t, busy())
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
