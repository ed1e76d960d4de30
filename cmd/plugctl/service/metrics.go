// The systemd unit of plugctl metrics.

package service

import "strings"

// MetricsUnit returns a systemd unit that runs plugctl metrics with these
// arguments. search says whether plugs are found by their processes.
func MetricsUnit(words []string, search bool) (string, error) {
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, "metrics.unit", struct {
		Command string
		Search  bool
	}{quoteAll(quoteSystemd, words), search})
	return b.String(), err
}
