// The Prometheus collector: it asks all plugs at each scrape.

package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daemon/plug/supervisor/control"
)

// collector asks the plugs at each scrape. It stores no numbers: the plugs'
// counters continue through upgrades, and plugctl may be restarted.
type collector struct {
	plugs   []*Plug
	timeout time.Duration
}

// Describe describes nothing: the series depend on the plugs' targets,
// outcomes and causes (an "unchecked" collector).
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), c.timeout)
	defer stop()
	for i, a := range askAll(ctx, c.plugs) {
		s := sink{out, label{"plug", nameIn(c.plugs, i)}}
		s.gauge("plug_up", upHelp, truth(a.err == nil))
		if a.err == nil {
			s.all(a.metrics, a.status)
		}
	}
}

// sink makes constant metrics of one plug. If Prometheus refuses one, the
// scrape fails with that reason; nothing that a plug sends causes a panic.
type sink struct {
	out  chan<- prometheus.Metric
	plug label
}

// label is one name with its value.
type label struct{ name, value string }

func (out sink) gauge(name, help string, value float64, labels ...label) {
	out.value(prometheus.GaugeValue, name, help, value, labels)
}

func (out sink) counter(name, help string, value float64, labels ...label) {
	out.value(prometheus.CounterValue, name, help, value, labels)
}

func (out sink) value(kind prometheus.ValueType, name, help string, value float64, labels []label) {
	desc, values := out.describe(name, help, labels)
	m, err := prometheus.NewConstMetric(desc, kind, value, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	out.out <- m
}

// histogram converts counts to Prometheus's cumulative buckets.
func (out sink) histogram(name, help string, h control.Histogram, labels ...label) {
	desc, values := out.describe(name, help, labels)
	if len(h.Counts) != len(h.Bounds)+1 {
		out.out <- prometheus.NewInvalidMetric(desc, fmt.Errorf("%d counts for %d bounds; expected one more", len(h.Counts), len(h.Bounds)))
		return
	}
	buckets := make(map[float64]uint64, len(h.Bounds))
	var sum uint64
	for i, bound := range h.Bounds {
		sum += h.Counts[i]
		buckets[bound] = sum
	}
	sum += h.Counts[len(h.Bounds)]
	m, err := prometheus.NewConstHistogram(desc, sum, h.Sum, buckets, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	out.out <- m
}

func (out sink) describe(name, help string, labels []label) (*prometheus.Desc, []string) {
	names, values := []string{out.plug.name}, []string{out.plug.value}
	for _, l := range labels {
		names, values = append(names, l.name), append(values, l.value)
	}
	return prometheus.NewDesc(name, help, names, nil), values
}
