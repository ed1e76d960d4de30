// The option --once: one scrape on stdout, and the systemd unit.

package metrics

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

// once prints what one scrape would get, or with JSON the plugs' replies.
func (s *Setup) once(ctx context.Context, out io.Writer) error {
	if s.JSON {
		return s.onceJSON(ctx, out)
	}
	text, err := gather(newSite(s.Plugs, s.Timeout).registry())
	if err != nil {
		return err
	}
	return print(out, text)
}

// print writes to stdout; if that fails, it returns an error.
func print(out io.Writer, text string) error {
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

func gather(r prometheus.Gatherer) (string, error) {
	families, err := r.Gather()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func (s *Setup) onceJSON(ctx context.Context, out io.Writer) error {
	ctx, stop := context.WithTimeout(ctx, s.Timeout)
	defer stop()
	all := []map[string]any{}
	for i, a := range askAll(ctx, s.Plugs) {
		one := map[string]any{"plug": nameIn(s.Plugs, i), "up": a.err == nil}
		if a.err != nil {
			one["error"] = a.err.Error()
		} else {
			one["metrics"], one["status"] = a.metrics, a.status
		}
		all = append(all, one)
	}
	return print(out, string(show.JSON(map[string]any{"version": control.Version, "done": true, "plugs": all})))
}

// printUnit prints a systemd unit for the command line.
func (s *Setup) printUnit(address string, out io.Writer) error {
	text, err := s.Unit(address)
	if err != nil {
		return err
	}
	return print(out, text)
}
