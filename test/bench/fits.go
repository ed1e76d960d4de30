//go:build linux

// Which proxy can take part in which workload.

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/load"
	"daemon/plug/test/bench/proxy"
)

// limits are what this machine allows.
type limits struct {
	descriptors int // per process
	tasks       int // in the whole system
}

func machineLimits() limits {
	l := limits{descriptors: 1 << 20, tasks: 1 << 20}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil {
		l.descriptors = int(min(r.Cur, 1<<20))
	}
	for _, file := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"} {
		b, _ := os.ReadFile(file)
		if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			l.tasks = min(l.tasks, n)
		}
	}
	return l
}

// held is how many sessions a workload holds at the same time.
func (w workload) held() int {
	switch w.kind {
	case load.Idle, load.Burst:
		return w.clients
	case growth:
		return w.clients + growthClients
	}
	return 0
}

// concerns reports whether a proxy takes part in a workload: a proxy that was
// made for one kind takes part only in that, and no proxy at all has no
// memory, sessions or upgrades of its own.
func (w workload) concerns(p *proxy.Proxy) bool {
	switch {
	case p.For != "":
		return p.For == w.kind
	case w.kind == starts:
		return false
	case p.Program == "":
		return w.kind != load.Idle && w.kind != growth && w.kind != upgrades
	}
	return true
}

// unfit is the reason why a proxy is left out of a workload; "" if it is not.
func (w workload) unfit(p *proxy.Proxy, l limits) string {
	n := w.held()
	// Besides the sessions: the proxy itself, its spares, and everything else
	// here.
	const descriptors, tasks = 100, 1000
	switch {
	case w.kind == upgrades && p.Generation == nil:
		return "only HAProxy's own way is set beside ours"
	case p.Most > 0 && n > p.Most:
		return fmt.Sprintf("%d sessions: %s", n, p.MostWhy)
	case n+descriptors > l.descriptors:
		return fmt.Sprintf("the load needs %d descriptors, a process may have %d here (RLIMIT_NOFILE)", n+descriptors, l.descriptors)
	case p.Tasks == 0 && 2*n+descriptors > l.descriptors:
		return fmt.Sprintf("%d descriptors, a process may have %d here (RLIMIT_NOFILE)", 2*n+descriptors, l.descriptors)
	case p.Tasks*n+tasks > l.tasks:
		return fmt.Sprintf("%d tasks, the system allows %d (pid_max, threads-max)", p.Tasks*n+tasks, l.tasks)
	}
	return ""
}
