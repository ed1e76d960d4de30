//go:build linux

// Which figures the plot shows.

package main

import (
	"daemon/plug/test/bench/plot"
)

// plotted are the figures of the plot: the costs of a session.
var plotted = []struct{ title, workload, column string }{
	{"CPU µs per short connection, 16 clients", "short:16", cpuConnection},
	{"CPU ms per GB, 8 streams one way", "bulk:8", cpuGB},
	{"KiB per idle session, the kernel's included, 500 of them", "idle:500", kibSession},
}

// picture is the plot of the figures that were measured.
func picture(o *options, r results, where string) plot.Picture {
	p := plot.Picture{Title: where}
	for _, at := range plotted {
		panel := plot.Panel{Title: at.title}
		for _, x := range o.proxies {
			s, failed, known := r.series(point{at.workload, at.column, x.Name})
			v := s.Taken()
			// No proxy at all costs nothing, and the scale only has values
			// above 0.
			if !known || x.Program == "" || len(v) == 0 || v[0] <= 0 {
				continue
			}
			row := plot.Row{Name: x.Name, Ours: x.Plug, Least: v[0], Median: v.Median(), Most: v[len(v)-1], Text: s.String()}
			if failed > 0 {
				row.Text += ", some failed"
			}
			panel.Rows = append(panel.Rows, row)
		}
		if len(panel.Rows) > 0 {
			p.Panels = append(p.Panels, panel)
		}
	}
	return p
}
