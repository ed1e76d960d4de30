// Package metrics owns what a plug shows over HTTP: its numbers for Prometheus,
// a status page for people, and an answer for health checks. It asks the control
// socket for all of it, so the plug itself links no HTTP and is never held up by
// whoever reads the page.
//
//	scrape  /metrics   → collector → ask ─┐
//	browser /, /main   → watch     → ask ─┼→ control socket
//	prober  /healthz   → watch     → ask ─┘
//
// A scrape asks at once. The page is answered from what watch has seen last, no
// older than a second, and goes on showing it, marked as old, when the plug is
// away.
package metrics
