//go:build linux

// The kinds of workloads: their names, figures and columns.

package main

import (
	"fmt"

	"daemon/plug/test/bench/load"
)

// column is one figure of a table.
type column struct {
	name string
	own  bool // belongs to the proxy itself, so no proxy at all has none
}

// shape is the title and the columns of a kind of workload.
type shape struct {
	title   func(workload) string
	columns []column
}

// Names of columns that are used in more than one place.
const (
	cpuConnection = "CPU µs/connection"
	cpuRequest    = "CPU µs/request"
	cpuGB         = "CPU ms/GB"
	cpuStart      = "CPU µs/start"
	gbSecond      = "GB/s"
	kibSession    = "KiB/session"
	medianUS      = "median µs"
	lastMS        = "last served, ms"
	throughput    = "throughput ×"
	slowestMS     = "slowest connect, ms"
)

var (
	closedLoop = []column{{cpuConnection, true}, {"connections/s", false}, {medianUS, false}, {"p99 µs", false}}
	streaming  = []column{{cpuGB, true}, {gbSecond, false}}
)

var kinds = map[string]shape{
	load.Short: {func(w workload) string {
		return fmt.Sprintf("Short connections: connect, %d bytes there and back, close; %s at once", w.size, plural(w.clients, "client"))
	}, closedLoop},
	load.Rate: {func(w workload) string {
		return fmt.Sprintf("Short connections at a steady pace, %d a second, whatever becomes of them", w.clients)
	}, []column{{medianUS, false}, {"p99 µs", false}, {cpuConnection, true}}},
	load.Request: {func(w workload) string {
		return fmt.Sprintf("Request–response on kept connections: %d bytes there and back; %s", w.size, plural(w.clients, "client"))
	}, []column{{cpuRequest, true}, {"requests/s", false}, {medianUS, false}, {"p99 µs", false}}},
	load.Bulk: {func(w workload) string {
		return fmt.Sprintf("Bulk one way, target to client: %s", plural(w.clients, "stream"))
	}, streaming},
	load.Duplex: {func(w workload) string {
		return fmt.Sprintf("Bulk both ways at once, their bytes added: %s", plural(w.clients, "connection"))
	}, streaming},
	load.Idle: {func(w workload) string {
		return fmt.Sprintf("Memory of %s, the kernel's included", plural(w.clients, "idle session"))
	}, []column{{kibSession, true}, {"of it the kernel's, KiB", true}}},
	load.Burst: {func(w workload) string {
		return fmt.Sprintf("A burst on a quiet daemon: %d connects at once, each held until the last has its answer", w.clients)
	}, []column{{lastMS, false}, {"median ms", false}, {"CPU ms", true}}},
	starts: {func(w workload) string {
		return fmt.Sprintf("A worker's start and end beside those of a Go program that does nothing; %d in a row, %d times", w.startsEach(), slicesEach)
	}, []column{{cpuStart, true}, {medianUS, true}}},
	growth: {func(w workload) string {
		return fmt.Sprintf("Growth: short connections of %s beside %s that stay", plural(growthClients, "client"), plural(w.clients, "live session"))
	}, closedLoop},
	upgrades: {func(w workload) string {
		return fmt.Sprintf("An upgrade every %v (USR2) under short connections of %s at once and a lone one every %v, beside the same time without",
			upgradeEvery, plural(w.clients, "client"), loneEvery)
	}, []column{{throughput, false}, {slowestMS, false}, {"without, ms", false}, {"lone client's slowest, ms", false}, {"connections/s", false}, {cpuConnection, true}, {"upgrades", false}}},
}
