// Tests of a plug in a cgroup namespace, as in a container.

package test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// container makes a command start in the group with its own cgroup namespace
// and mount, so that the group is "/" there, as in a container; or it skips.
func (g *cgroup) container(c *exec.Cmd) {
	g.t.Helper()
	mount := `umount /sys/fs/cgroup/pids && mount -t cgroup -o pids none /sys/fs/cgroup/pids`
	if g.two {
		mount = `umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup`
	}
	enter := []string{program(g.t, "unshare"), "--cgroup", "--mount", "sh", "-c", mount + ` && exec "$@"`, "sh"}
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
	forEachMode(t, func(t *testing.T, mode string) {
		g := newCgroup(t, "pids")
		g.set("pids.max", fmt.Sprint(most))
		p := prepare(t, mode, withControl(serve(t, anywhere, echo).addr())...)
		p.daemon = true
		p.launch(g.container)
		if code := p.wait(serveBound); code != 0 || !p.serves() {
			t.Fatalf("exit code %d: %s", code, p.errors())
		}
		limit := p.asks("status", nil).Status.Limit
		if limit < 8 || limit > most*3/4 {
			t.Fatalf("%d workers at most, with a pids.max of %d", limit, most)
		}
		held := hold(t, p, limit)
		w := queue(t, p, 4)
		p.saysOnce(fmt.Sprintf(`clients are waiting.*max-workers.*%d`, limit))
		if events := readString(filepath.Join(g.dir, "pids.events")); !strings.Contains(events, "max 0\n") {
			t.Errorf("starts of processes were refused: %s", events)
		}
		for _, c := range held[:4] {
			finish(c)
		}
		w.served(t)
		if strings.Contains(p.errors(), "goroutine ") {
			t.Errorf("a dump of Go's: %s", p.errors())
		}
	}, "fork", "prefork")
}
