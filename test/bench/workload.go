//go:build linux

// The list of workloads on the command line.

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"daemon/plug/test/bench/load"
)

// Workloads with more than one load of package load.
const (
	growth   = "growth"   // short connections in addition to n live sessions
	starts   = "start"    // a worker's start and end, n times in a row
	upgrades = "upgrades" // short connections while the proxy replaces itself
)

// The default list, which takes 12 minutes per round, and the whole one.
const (
	usual = "short:1,short:16,short:256,request:1,request:32,bulk:1,bulk:8,idle:500," +
		"rate:200,start:200,burst:500,growth:10,growth:4000,upgrades:8"
	complete = "short:1,short:16,short:256,request:1,request:32,request:1:16384,request:32:16384," +
		"bulk:1,bulk:8,duplex:1,duplex:8,idle:500,idle:4000,idle:8000," +
		"rate:200,start:200,burst:500,growth:10,growth:100,growth:1000,growth:4000,upgrades:8"
)

// workload is one kind of load with its numbers.
type workload struct {
	kind    string
	clients int
	size    int // of a message, in bytes
}

// sized are the kinds whose messages may have a size other than messageSize.
var sized = []string{load.Short, load.Request}

const messageSize = 64

// parseWorkloads parses "kind:number[:bytes],...", or "all".
func parseWorkloads(list string) ([]workload, error) {
	if list == "all" {
		list = complete
	}
	var all []workload
	for _, word := range strings.Split(list, ",") {
		w := workload{size: messageSize}
		fields := strings.Split(word, ":")
		bad := fmt.Errorf("workload %q is not kind:number, nor kind:number:bytes with one of %s", word, strings.Join(sized, ", "))
		if len(fields) < 2 || len(fields) > 3 {
			return nil, bad
		}
		w.kind = fields[0]
		if _, ok := kinds[w.kind]; !ok {
			return nil, fmt.Errorf("workload %q: no kind is called %q", word, w.kind)
		}
		var err error
		if w.clients, err = strconv.Atoi(fields[1]); err != nil || w.clients < 1 {
			return nil, bad
		}
		if len(fields) == 3 {
			if w.size, err = strconv.Atoi(fields[2]); err != nil || w.size < 1 || !slices.Contains(sized, w.kind) {
				return nil, bad
			}
		}
		// The number of a stream is one byte.
		if (w.kind == load.Bulk || w.kind == load.Duplex) && w.clients > 256 {
			return nil, fmt.Errorf("workload %q: at most 256 streams", word)
		}
		all = append(all, w)
	}
	return all, nil
}

// String is the form that parseWorkloads parses.
func (w workload) String() string {
	if w.size == messageSize {
		return fmt.Sprintf("%s:%d", w.kind, w.clients)
	}
	return fmt.Sprintf("%s:%d:%d", w.kind, w.clients, w.size)
}

// Title describes the workload.
func (w workload) Title() string { return kinds[w.kind].title(w) }

// sliced reports whether the proxies take turns in short slices under this
// workload (see scenes). With more short connections at the same time, some
// proxies leave so many unanswered for seconds that a slice would not end.
func (w workload) sliced() bool {
	return w.kind == load.Request || w.kind == growth || w.kind == starts || w.kind == load.Short && w.clients <= 16
}

// columns are the figures of a workload; the first one is used for ratios.
func (w workload) columns() []column { return kinds[w.kind].columns }

// index is the index of the column with this name, or -1.
func (w workload) index(name string) int {
	return slices.IndexFunc(w.columns(), func(c column) bool { return c.name == name })
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
