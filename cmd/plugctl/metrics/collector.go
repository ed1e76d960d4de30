package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daemon/plug/supervisor/control"
)

// collector asks the plug at each scrape. It keeps nothing: the plug's counters
// go on through upgrades, and plugctl may come and go.
type collector struct {
	ask     Ask
	timeout time.Duration
}

// Describe announces nothing: which series there are depends on the plug's
// targets, outcomes and causes (an "unchecked" collector).
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), c.timeout)
	defer stop()
	m, s, err := c.ask.numbers(ctx)
	if err != nil {
		sink(out).gauge("plug_up", upHelp, 0)
		return
	}
	sink(out).gauge("plug_up", upHelp, 1)
	sink(out).all(m, s)
}

const upHelp = "Whether the plug answered on its control socket."

// sink makes constant metrics; what Prometheus refuses makes the scrape fail
// with that reason, and nothing panics on what a plug says.
type sink chan<- prometheus.Metric

// label is one name and value.
type label struct{ name, value string }

func (out sink) gauge(name, help string, value float64, labels ...label) {
	out.value(prometheus.GaugeValue, name, help, value, labels)
}

func (out sink) counter(name, help string, value float64, labels ...label) {
	out.value(prometheus.CounterValue, name, help, value, labels)
}

func (out sink) value(kind prometheus.ValueType, name, help string, value float64, labels []label) {
	desc, values := describe(name, help, labels)
	m, err := prometheus.NewConstMetric(desc, kind, value, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	out <- m
}

// each gives a metric one series for each word of the map.
func (out sink) each(kind prometheus.ValueType, name, help, key string, counts map[string]uint64) {
	for word, n := range counts {
		out.value(kind, name, help, float64(n), []label{{key, word}})
	}
}

// histogram turns counts into Prometheus's cumulative buckets.
func (out sink) histogram(name, help string, h control.Histogram) {
	desc, _ := describe(name, help, nil)
	if len(h.Counts) != len(h.Bounds)+1 {
		out <- prometheus.NewInvalidMetric(desc, fmt.Errorf("%d counts for %d bounds, want one more", len(h.Counts), len(h.Bounds)))
		return
	}
	buckets := make(map[float64]uint64, len(h.Bounds))
	var sum uint64
	for i, bound := range h.Bounds {
		sum += h.Counts[i]
		buckets[bound] = sum
	}
	sum += h.Counts[len(h.Bounds)]
	m, err := prometheus.NewConstHistogram(desc, sum, h.Sum, buckets)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	out <- m
}

func describe(name, help string, labels []label) (*prometheus.Desc, []string) {
	var names, values []string
	for _, l := range labels {
		names, values = append(names, l.name), append(values, l.value)
	}
	return prometheus.NewDesc(name, help, names, nil), values
}
