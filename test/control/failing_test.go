// Tests of targets in the state failing.

package control

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// A target whose last attempt failed is never shown as good, although Choose
// makes all targets good again when all have failed. Each is logged once until
// it is good.
func TestDeadTargetsAreFailing(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			harness.ForEachMode(t, func(t *testing.T, mode string) {
				t.Parallel()
				var targets []string
				for range n {
					targets = append(targets, harness.Refusing(t))
				}
				p := harness.StartUpgradable(t, mode, harness.ThisVersion, harness.WithControl(targets...)...)
				e := export(p)
				if got := p.CtlText("status"); !strings.Contains(got, fmt.Sprintf("targets    %d good\n", n)) {
					t.Errorf("before the first client:\n%s", got)
				}
				shows := func(clients int) {
					t.Helper()
					for range clients {
						if got := harness.Greeting(t, "", p.Addr()); got != "" {
							t.Fatalf("a client without a target gets %q", got)
						}
					}
					showsFailing(t, p, e, targets)
				}
				shows(5)
				for _, target := range targets {
					if said := p.Said(`\[ERROR\].*connect ` + regexp.QuoteMeta(target)); len(said) != 1 {
						t.Errorf("after five clients %d errors for %s: %q", len(said), target, said)
					}
				}
				p.Upgrade(harness.ThisVersion)
				showsFailing(t, p, e, targets)
				shows(1)

				b := harness.Serve(t, targets[0], harness.Greet("back"))
				harness.Await(t, "the target to be chosen again", harness.ServeBound, func() bool { return harness.Greeting(t, "", p.Addr()) == "back" })
				if got := p.CtlJSON("targets").Targets[0]; got.State != "good" || !strings.Contains(got.LastFailure, "refused") {
					t.Errorf("back, and shown as %+v", got)
				}
				harness.Await(t, "/healthz to answer 200", harness.ServeBound, func() bool { status, _ := e.get("healthz"); return status == 200 })
				b.Close()
				shows(3)
				if said := p.Said(`\[ERROR\].*connect ` + regexp.QuoteMeta(targets[0])); len(said) != 2 {
					t.Errorf("failing, good, failing: %d errors: %q", len(said), said)
				}
			})
		})
	}
}

// showsFailing checks that everything that shows targets shows all of them as
// failing.
func showsFailing(t *testing.T, p *harness.Plug, e *exporter, targets []string) {
	t.Helper()
	for _, target := range p.CtlJSON("targets").Targets {
		if target.State != "failing" || !strings.Contains(target.LastFailure, "refused") || target.FailedFor <= 0 {
			t.Errorf("%+v", target)
		}
	}
	table := p.CtlText("targets")
	for _, target := range targets {
		if row := ctlRow(t, table, target); row[1] != "failing" {
			t.Errorf("%q", row)
		}
	}
	if got := p.CtlText("status"); !strings.Contains(got, fmt.Sprintf("targets    %d failing\n", len(targets))) {
		t.Errorf("%s", got)
	}
	series := e.scrape()
	for _, target := range targets {
		of := func(name, more string) float64 { return seriesOf(t, series, name, more, `target="`+target+`"`) }
		if of("plug_target_state", `state="failing"`) != 1 || of("plug_target_state", `state="good"`) != 0 ||
			of("plug_target_last_failure_timestamp_seconds", "") < 1.7e9 {
			t.Errorf("the metrics of %s: %v", target, series)
		}
	}
	harness.Await(t, "/healthz to answer 503", harness.ServeBound, func() bool {
		status, body := e.get("healthz")
		return status == 503 && strings.Contains(body, fmt.Sprintf("%d failing", len(targets)))
	})
	harness.Await(t, "the page to show it", harness.ServeBound, func() bool {
		_, body := e.get("main")
		return strings.Count(body, `class="state failing"`) == len(targets)
	})
}

// seriesOf is the value of the only series with a name and these labels.
func seriesOf(t *testing.T, all map[string]float64, name string, labels ...string) (value float64) {
	t.Helper()
	found := 0
	for series, v := range all {
		matches := strings.HasPrefix(series, name+"{")
		for _, label := range labels {
			matches = matches && strings.Contains(series, label)
		}
		if matches {
			value = v
			found++
		}
	}
	if found != 1 {
		t.Fatalf("%d series %s with %q", found, name, labels)
	}
	return value
}

// If the HTTP proxy is down, no target is reached, and none is good.
func TestTargetsBehindADeadProxyAreFailing(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.WithControl("-h", harness.Refusing(t), "10.0.3.15:80", "news.example.org:119")...)
		for range 4 {
			if got := harness.Greeting(t, "", p.Addr()); got != "" {
				t.Fatalf("a client without a proxy gets %q", got)
			}
		}
		for _, target := range p.CtlJSON("targets").Targets {
			if target.State != "failing" || !strings.Contains(target.LastFailure, "refused") {
				t.Errorf("%+v", target)
			}
		}
	})
}
