// TestResource: a memory cgroup that is full.

package resource

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

	"daemon/plug/test/harness"
)

// When a memory cgroup is full the kernel kills the process in it with the
// highest score (cgroups(7), proc(5) oom_score_adj). This must be a worker:
// then only its sessions end, and another worker replaces it.
func cgroupMemory(t *testing.T) {
	harness.LinuxEngineOnly(t, "its buffers, for the sessions that the kernel has spared, exceed the limit again")
	g := newCgroup(t, "memory")
	p := harness.Prepare(t, "pool", append(harness.TightArgs("pool"), harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	p.Daemon = true
	p.Launch(g.birth)
	if code := p.Wait(harness.ServeBound); code != 0 || !p.Serves() {
		t.Fatalf("exit code %d: %s", code, p.Errors())
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
	before := p.Workers()
	all := untilFull(t, p)
	if !harness.IsOf(p.Master, p.Bin) {
		t.Fatal("the kernel has killed the master")
	}
	log := p.SaysOnce(fmt.Sprintf(`\(.*%s of \S*%s %d\b.*\)`, regexp.QuoteMeta(file), regexp.QuoteMeta(g.path), at),
		`: session from .*: killed by signal 9$`)
	var live []*net.TCPConn
	for _, c := range all {
		if harness.Ping(c) == nil {
			live = append(live, c)
		}
	}
	t.Logf("%d of %d sessions live on", len(live), len(all))
	if len(live) == 0 {
		t.Error("no session has survived")
	}
	if slices.IndexFunc(before, func(w harness.Process) bool { return !harness.IsOf(w.PID, p.Bin) }) < 0 {
		t.Error("no worker was killed")
	}
	lines := killedSessions(t, g, p, len(all)-len(live))
	lifted := time.Now()
	g.set(file, unlimited)
	addEnding(p, log, whole(p, lifted, live, lines+len(live)))
}

// untilFull opens sessions until one is not served.
func untilFull(t *testing.T, p *harness.Plug) []*net.TCPConn {
	t.Helper()
	var all []*net.TCPConn
	// A session uses some 6 KiB of kernel memory.
	for n := 0; len(all) < 5000; n++ {
		c, err := harness.DialFrom("", p.Addr())
		if err != nil {
			t.Fatalf("session %d: %v (master %v)", n, err, harness.IsOf(p.Master, p.Bin))
		}
		t.Cleanup(func() { c.Close() })
		all = append(all, c)
		if harness.Ping(c) != nil {
			break
		}
	}
	return all
}

// killedSessions waits for the lines and the log of the sessions that were lost,
// and returns how many there are.
func killedSessions(t *testing.T, g *cgroup, p *harness.Plug, lost int) int {
	t.Helper()
	// A worker that dies in accept(2), which allocates memory, has not
	// admitted the client yet.
	kills := g.kills()
	harness.Await(t, fmt.Sprintf("lines of %d lost sessions, up to %d less", lost, kills), harness.NormalWait, func() bool {
		n := len(harness.ParseSessions(t, p.Sessions))
		return n >= lost-kills && n <= lost
	})
	lines := harness.ParseSessions(t, p.Sessions)
	for _, l := range lines {
		if harness.IsOf(l.PID, p.Bin) {
			t.Errorf("worker %d lives, and a session of its has ended: %+v", l.PID, l)
			break
		}
	}
	const killedBy = `session from 127\.0\.0\.1: killed by signal 9$`
	if !harness.HoldsWithin(harness.ShortWait, func() bool { return lineCount(p, killedBy) == len(lines) }) {
		t.Errorf("%d sessions were killed, and the log tells of %d", len(lines), lineCount(p, killedBy))
	}
	return len(lines)
}

// kills is how many processes of a group the kernel has killed because of
// memory.
func (g *cgroup) kills() (n int) {
	file := "memory.oom_control"
	if g.two {
		file = "memory.events"
	}
	_, rest, _ := strings.Cut(harness.ReadString(filepath.Join(g.dir, file)), "oom_kill ")
	fmt.Sscan(rest, &n)
	return n
}

// ballast charges a group with memory that cannot be reclaimed (tmpfs(5)).
func (g *cgroup) ballast(size int) {
	g.t.Helper()
	path := fmt.Sprintf("/dev/shm/plug-test-%d-%d", os.Getpid(), size)
	g.t.Cleanup(func() { os.Remove(path) })
	const script = `echo $$ >"$1" && exec head -c "$2" /dev/zero >"$3"`
	cmd := exec.Command(harness.Program(g.t, "sh"), "-c", script, "sh", filepath.Join(g.dir, "cgroup.procs"), strconv.Itoa(size), path)
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Skipf("ballast in /dev/shm: %v %s", err, out)
	}
}

// lineCount is how many log records match.
func lineCount(p *harness.Plug, pattern string) (n int) {
	re := regexp.MustCompile(pattern)
	for _, r := range p.Syslog.All() {
		if re.MatchString(r.Text) {
			n++
		}
	}
	return n
}
