// TestResource: a memory cgroup that is full.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// When a memory cgroup is full the kernel kills the process in it with the
// highest score (cgroups(7), proc(5) oom_score_adj). This must be a worker:
// then only its sessions end, and another worker replaces it.
func cgroupMemory(t *testing.T) {
	linuxEngineOnly(t, "its buffers, for the sessions that the kernel has spared, exceed the limit again")
	g := newCgroup(t, "memory")
	p := prepare(t, "pool", append(tightArgs("pool"), serve(t, anywhere, echo).addr())...)
	p.daemon = true
	p.launch(g.birth)
	if code := p.wait(serveBound); code != 0 || !p.serves() {
		t.Fatalf("exit code %d: %s", code, p.errors())
	}
	file, usage, unlimited := "memory.limit_in_bytes", "memory.usage_in_bytes", "-1"
	if g.two {
		file, usage, unlimited = "memory.max", "memory.current", "max"
	}
	// oom_score_adj is in thousandths of the limit's pages, rounded down,
	// which gives 0 if the limit is small.
	g.ballast(40 << 20)
	at := (g.get(usage) + 8<<20) &^ (1<<16 - 1)
	g.set(file, strconv.Itoa(at))
	before := p.workers()
	var all []*net.TCPConn
	// A session uses some 6 KiB of kernel memory.
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
	log := p.saysOnce(fmt.Sprintf(`\(.*%s of \S*%s %d\b.*\)`, regexp.QuoteMeta(file), regexp.QuoteMeta(g.path), at),
		`: session from .*: killed by signal 9$`)
	var live []*net.TCPConn
	for _, c := range all {
		if ping(c) == nil {
			live = append(live, c)
		}
	}
	t.Logf("%d of %d sessions live on", len(live), len(all))
	if len(live) == 0 {
		t.Error("no session has survived")
	}
	if slices.IndexFunc(before, func(w process) bool { return !isOf(w.pid, p.bin) }) < 0 {
		t.Error("no worker was killed")
	}
	// A worker that dies in accept(2), which allocates memory, has not
	// admitted the client yet.
	lost, kills := len(all)-len(live), g.kills()
	await(t, fmt.Sprintf("lines of %d lost sessions, up to %d less", lost, kills), normalWait, func() bool {
		n := len(parseSessions(t, p.sessions))
		return n >= lost-kills && n <= lost
	})
	lines := parseSessions(t, p.sessions)
	for _, l := range lines {
		if isOf(l.pid, p.bin) {
			t.Errorf("worker %d lives, and a session of its has ended: %+v", l.pid, l)
			break
		}
	}
	const killedBy = `session from 127\.0\.0\.1: killed by signal 9$`
	if !holdsWithin(shortWait, func() bool { return p.count(killedBy) == len(lines) }) {
		t.Errorf("%d sessions were killed, and the log tells of %d", len(lines), p.count(killedBy))
	}
	lifted := time.Now()
	g.set(file, unlimited)
	p.ended(log, p.whole(lifted, live, len(lines)+len(live)))
}

// kills is how many processes of a group the kernel has killed because of
// memory.
func (g *cgroup) kills() (n int) {
	file := "memory.oom_control"
	if g.two {
		file = "memory.events"
	}
	_, rest, _ := strings.Cut(readString(filepath.Join(g.dir, file)), "oom_kill ")
	fmt.Sscan(rest, &n)
	return n
}

// ballast charges a group with memory that cannot be reclaimed (tmpfs(5)).
func (g *cgroup) ballast(size int) {
	g.t.Helper()
	path := fmt.Sprintf("/dev/shm/plug-test-%d-%d", os.Getpid(), size)
	g.t.Cleanup(func() { os.Remove(path) })
	const script = `echo $$ >"$1" && exec head -c "$2" /dev/zero >"$3"`
	cmd := exec.Command(program(g.t, "sh"), "-c", script, "sh", filepath.Join(g.dir, "cgroup.procs"), strconv.Itoa(size), path)
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Skipf("ballast in /dev/shm: %v %s", err, out)
	}
}

// count is how many log records match.
func (p *plug) count(pattern string) (n int) {
	re := regexp.MustCompile(pattern)
	for _, r := range p.syslog.all() {
		if re.MatchString(r.text) {
			n++
		}
	}
	return n
}
