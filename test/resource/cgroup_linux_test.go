// Harness: control groups for the tests of resources.

package resource

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// cgroup is a group below this process's own, with one controller in version 1
// of cgroups(7), otherwise with all that version 2 delegates.
type cgroup struct {
	t    testing.TB
	dir  string
	path string // as in /proc/PID/cgroup
	two  bool
}

// newCgroup makes a group with the controller, or skips with the reason.
func newCgroup(t testing.TB, controller string) *cgroup {
	t.Helper()
	harness.NeedRoot(t)
	g := &cgroup{t: t}
	name := fmt.Sprintf("plug-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	for line := range strings.Lines(harness.ReadString("/proc/self/cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) == 3 && strings.Contains(","+f[1]+",", ","+controller+","):
			g.path = filepath.Join(f[2], name)
			g.dir = filepath.Join("/sys/fs/cgroup", controller, g.path)
			g.two = false
		case len(f) == 3 && f[0] == "0" && g.dir == "":
			// A group with processes can't delegate: the new one is a sibling.
			g.path = filepath.Join(filepath.Dir(f[2]), name)
			g.dir = filepath.Join("/sys/fs/cgroup", g.path)
			g.two = true
		}
	}
	if g.dir == "" {
		t.Skipf("no cgroup of the controller %s here", controller)
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		t.Skipf("a cgroup of its own: %v", err)
	}
	t.Cleanup(g.remove)
	if g.two && !strings.Contains(harness.ReadString(filepath.Join(g.dir, "cgroup.controllers")), controller) {
		t.Skipf("the controller %s is not delegated to %s", controller, filepath.Dir(g.dir))
	}
	return g
}

// remove waits for the group's last process, and a little longer, since a dead
// one may still be in it.
func (g *cgroup) remove() {
	if !harness.HoldsWithin(harness.NormalWait, func() bool { return os.Remove(g.dir) == nil }) {
		g.t.Errorf("cgroup %s remains: %q", g.dir, harness.ReadString(filepath.Join(g.dir, "cgroup.procs")))
	}
}

func (g *cgroup) set(file, value string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, file), []byte(value), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func (g *cgroup) get(file string) int {
	g.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(harness.ReadString(filepath.Join(g.dir, file))))
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// take moves the plug's processes into the group, and so all that they start
// later.
func (g *cgroup) take(p *harness.Plug) {
	g.t.Helper()
	// Twice: the first round may miss a worker that is being started.
	for range 2 {
		for _, q := range p.Procs() {
			if harness.IsOf(q.PID, p.Bin) {
				g.set("cgroup.procs", strconv.Itoa(q.PID))
			}
		}
	}
}

// birth makes a command start in the group.
func (g *cgroup) birth(c *exec.Cmd) {
	script := `echo $$ >"$1" && shift && exec "$@"`
	c.Args = append([]string{"sh", "-c", script, "sh", filepath.Join(g.dir, "cgroup.procs")}, c.Args...)
	c.Path = harness.Program(g.t, "sh")
}
