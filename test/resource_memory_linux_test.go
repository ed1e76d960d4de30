package test

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// When a memory cgroup is full the kernel kills the process in it that it deems
// the worst (cgroups(7), proc(5) oom_score_adj). It has to be a worker: then only
// its sessions end, and a successor takes its place.
func cgroupMemory(t *testing.T) {
	g := newCgroup(t, "memory")
	p := startDaemon(t, "pool", append(tightArgs("pool"), serve(t, anywhere, echo).addr())...)
	g.take(p)
	file, usage, unlimited := "memory.limit_in_bytes", "memory.usage_in_bytes", "-1"
	if g.two {
		file, usage, unlimited = "memory.max", "memory.current", "max"
	}
	at := g.get(usage) + 3<<20
	g.set(file, strconv.Itoa(at))
	before := p.workers()
	var all []*net.TCPConn
	// A session costs the kernel some 6 KiB of it.
	for n := 0; len(all) < 5000; n++ {
		c, err := dialFrom("", p.addr())
		if err != nil {
			t.Fatalf("session %d: %v (master %v)", n, err, isOf(p.master, p.bin))
		}
		t.Cleanup(func() { c.Close() })
		all = append(all, c)
		if ping(c) != nil {
			break
		}
	}
	if !isOf(p.master, p.bin) {
		t.Fatal("the kernel has killed the master")
	}
	killed := 0
	for _, w := range before {
		if !isOf(w.pid, p.bin) {
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("%d of %d workers were killed by the limit, want 1", killed, len(before))
	}
	log := p.saysOnce(fmt.Sprintf(`\(.*%s of %s %d\b.*\)`, regexp.QuoteMeta(file), regexp.QuoteMeta(g.path), at),
		`: session from .*: killed by signal 9$`)
	var live []*net.TCPConn
	for _, c := range all {
		if ping(c) == nil {
			live = append(live, c)
		}
	}
	t.Logf("%d of %d sessions live on", len(live), len(all))
	if len(live) < len(all)/4 {
		t.Errorf("of %d sessions on %d workers only %d live on", len(all), len(before), len(live))
	}
	lifted := time.Now()
	g.set(file, unlimited)
	p.ended(log, p.whole(lifted, live, len(all)))
}
