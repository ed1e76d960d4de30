//go:build linux

// The list of goals.

package main

import "daemon/plug/test/bench/proxy"

// promises returns the goals, in the order of the issues that set them.
func promises() []goal {
	var all []goal
	of := func(issue, workload, column, plug string, s sense, done, aimed float64) *goal {
		all = append(all, goal{issue: issue, of: point{workload, column, plug}, sense: s, done: done, aimed: aimed})
		return &all[len(all)-1]
	}
	over := func(g *goal, peer string) *goal {
		at := g.of
		at.proxy = peer
		g.over = &at
		return g
	}

	over(of("2", "short:16", cpuConnection, "plug prefork", atMost, 0.5, 0), "simpleproxy")
	over(of("2", "short:16", cpuConnection, "plug pool", atMost, 1.2, 0), "haproxy")
	for _, mode := range modes {
		over(of("2", "bulk:8", cpuGB, "plug "+mode, atMost, 0.6, 0), "haproxy")
	}

	over(of("5.1", "short:16", cpuConnection, "plug pool", atMost, 1, 1), "haproxy").aimedAt = "pen"
	over(of("5.1", "short:16", cpuConnection, "plug prefork", atMost, 0.45, 0.3), "simpleproxy")
	of("5.1", "short:16", cpuConnection, "plug fork", atMost, 1.6, 1.25).over = &point{"start:200", cpuStart, proxy.BareName}
	over(of("5.1", "rate:200", medianUS, "plug fork", below, 1, 0), "simpleproxy")

	for _, size := range []string{"", ":16384"} {
		for _, mode := range modes {
			over(of("5.2", "request:1"+size, medianUS, "plug "+mode, atMost, 1.05, 0), bestPeer)
		}
		over(of("5.2", "request:32"+size, cpuRequest, "plug pool", atMost, 1, 0), bestPeer)
	}

	for _, w := range []string{"bulk:1", "bulk:8"} {
		for _, mode := range modes {
			over(of("5.3", w, cpuGB, "plug "+mode, atMost, 0.5, 0), bestPeer)
			over(of("5.3", w, gbSecond, "plug "+mode, atLeast, 1.1, 1.25), bestPeer)
		}
	}

	for _, w := range []string{"idle:500", "idle:4000", "idle:8000"} {
		over(of("5.4", w, kibSession, "plug pool", atMost, 1.1, 0), bestPeer)
		if w != "idle:8000" { // beyond the 4,096 workers of prefork
			// The value of a forked child in C.
			of("5.4", w, kibSession, "plug prefork", atMost, 1000, 800).beside = proxy.Forker
		}
	}

	for _, mode := range []string{"prefork", "pool"} {
		of("5.5", "growth:4000", cpuConnection, "plug "+mode, atMost, 1.25, 0).over = &point{"growth:10", cpuConnection, "plug " + mode}
	}

	of("5.6", "burst:500", lastMS, "plug prefork", atMost, 900, 500)

	for _, mode := range modes {
		of("5.7", "upgrades:8", throughput, "plug "+mode, atLeast, 0.9, 0).beside = "haproxy -W"
		of("5.7", "upgrades:8", slowestMS, "plug "+mode, atMost, 100, 0).beside = "haproxy -W"
	}
	return all
}
