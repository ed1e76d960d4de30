// Package metrics serves a plug's data over HTTP: metrics for Prometheus, a
// status page for people, and an answer for health checks. It gets all of it
// from the control socket, so the plug itself links no HTTP, and readers of
// the page never delay it.
//
//	scrape  /metrics   → collector → ask ─┐
//	browser /, /main   → watch     → ask ─┼→ control socket
//	prober  /healthz   → watch     → ask ─┘
//
// A scrape asks the plug at once. The page shows the last answer that watch
// has got, which is at most a second old. If the plug does not answer, the
// page still shows it, marked as old.
package metrics
