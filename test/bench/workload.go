//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"

	"plugdaemon/test/bench/load"
)

// workload is one kind of load with its numbers.
type workload struct {
	kind    string
	clients int
	size    int // of a message, in bytes
}

// parseWorkloads reads "kind:clients[:bytes],...".
func parseWorkloads(list string) ([]workload, error) {
	var all []workload
	for _, word := range strings.Split(list, ",") {
		w := workload{size: 64}
		fields := strings.Split(word, ":")
		bad := fmt.Errorf("workload %q is not kind:clients[:bytes]", word)
		if len(fields) < 2 || len(fields) > 3 {
			return nil, bad
		}
		var err error
		if w.clients, err = strconv.Atoi(fields[1]); err != nil || w.clients < 1 {
			return nil, bad
		}
		if len(fields) == 3 {
			if w.size, err = strconv.Atoi(fields[2]); err != nil || w.size < 1 {
				return nil, bad
			}
		}
		switch w.kind = fields[0]; w.kind {
		case load.Short, load.Request, load.Idle:
		case load.Bulk:
			// Streams are numbered by one byte.
			if w.clients > 256 {
				return nil, bad
			}
		default:
			return nil, fmt.Errorf("workload %q: no kind is called %q", word, w.kind)
		}
		all = append(all, w)
	}
	return all, nil
}

func (w workload) String() string { return fmt.Sprintf("%s:%d:%d", w.kind, w.clients, w.size) }

// Title is the workload in words.
func (w workload) Title() string {
	clients := plural(w.clients, "client")
	switch w.kind {
	case load.Short:
		return fmt.Sprintf("Short connections: connect, %d bytes there and back, close; %s at once", w.size, clients)
	case load.Request:
		return fmt.Sprintf("Request–response on kept connections: %d bytes there and back; %s", w.size, clients)
	case load.Bulk:
		return fmt.Sprintf("Bulk one way, target to client: %s", plural(w.clients, "stream"))
	}
	return fmt.Sprintf("Memory of %s, the kernel's included", plural(w.clients, "idle session"))
}

// columns are the figures that a workload gives, the one that ratios are made
// of first.
func (w workload) columns() []string {
	switch w.kind {
	case load.Short:
		return []string{"CPU µs/connection", "connections/s", "median µs", "p99 µs"}
	case load.Request:
		return []string{"CPU µs/request", "requests/s", "median µs", "p99 µs"}
	case load.Bulk:
		return []string{"CPU ms/GB", "GB/s"}
	}
	return []string{"KiB/session"}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
