// Tests of a plug in a cgroup namespace, as in a container.

package resource

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// container makes a command start in the group with its own cgroup namespace
// and mount, so that the group is "/" there, as in a container; or it skips.
func (g *cgroup) container(c *exec.Cmd) {
	g.t.Helper()
	mount := `umount /sys/fs/cgroup/pids && mount -t cgroup -o pids none /sys/fs/cgroup/pids`
	if g.two {
		mount = `umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup`
	}
	enter := []string{harness.Program(g.t, "unshare"), "--cgroup", "--mount", "sh", "-c", mount + ` && exec "$@"`, "sh"}
	try := exec.Command("true")
	try.Args = append(enter, "cat", "/proc/self/cgroup")
	g.birth(try)
	out, err := try.CombinedOutput()
	if err != nil || strings.Contains(string(out), g.path) {
		g.t.Skipf("no cgroup namespace: %v: %s", err, out)
	}
	c.Args = append(enter, c.Args...)
	g.birth(c)
}

// In a container, its pids.max limits the workers from the start: workers for
// which there is no room are never started, and the surplus clients wait.
func TestContainerTasks(t *testing.T) {
	t.Parallel()
	const most = 120
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		g := newCgroup(t, "pids")
		g.set("pids.max", fmt.Sprint(most))
		p := harness.Prepare(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		p.Daemon = true
		p.Launch(g.container)
		if code := p.Wait(harness.ServeBound); code != 0 || !p.Serves() {
			t.Fatalf("exit code %d: %s", code, p.Errors())
		}
		limit := p.Asks("status", nil).Status.Limit
		if limit < 8 || limit > most*3/4 {
			t.Fatalf("%d workers at most, with a pids.max of %d", limit, most)
		}
		held := harness.Hold(t, p, limit)
		w := harness.QueueClients(t, p, 4)
		p.SaysOnce(fmt.Sprintf(`clients are waiting.*max-workers.*%d`, limit))
		if events := harness.ReadString(filepath.Join(g.dir, "pids.events")); !strings.Contains(events, "max 0\n") {
			t.Errorf("starts of processes were refused: %s", events)
		}
		for _, c := range held[:4] {
			harness.Finish(c)
		}
		w.Served(t)
		if strings.Contains(p.Errors(), "goroutine ") {
			t.Errorf("a dump of Go's: %s", p.Errors())
		}
	}, "fork", "prefork")
}
