// Tests of a service with only its unit's capabilities.

package service

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"daemon/plug/test/harness"
)

// capabilities are those of a unit's line, as setpriv takes them.
func capabilities(unit []byte, key string) string {
	set := "-all"
	line := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindSubmatch(unit)
	if line == nil {
		return set
	}
	for _, c := range strings.Fields(string(line[1])) {
		set += ",+" + strings.ToLower(strings.TrimPrefix(c, "CAP_"))
	}
	return set
}

// With only the capabilities that its unit leaves it, a plug binds a port
// below 1024, serves, upgrades, and writes its records: as root with workers
// of another user, and completely as another user.
func TestServiceRights(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	setpriv := harness.Program(t, "setpriv")
	for name, user := range map[string]string{"root": "", "user": "65534:65534"} {
		t.Run(name, func(t *testing.T) {
			p := harness.Upgradable(t, "prefork", harness.ThisVersion, "-n", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())
			harness.MakeWritable(t, p.Dir)
			low := harness.LowPort(t)
			p.Args[slices.Index(p.Args, strconv.Itoa(p.Port))] = strconv.Itoa(low)
			p.Port = low
			install := []string{"service", "install", "--name", "x", "--manager", "systemd", "--dry-run", "--program", p.Bin}
			rights := []string{"--no-new-privs"}
			if user == "" {
				p.Args = append(p.Args, "--user", "65534:65534")
			} else {
				install = append(install, "--user", user)
				rights = append(rights, "--reuid=65534", "--regid=65534", "--clear-groups")
			}
			unit, err := exec.Command(harness.CtlProgram(t), append(append(install, "--"), p.Args...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			of := func(key string) string { return capabilities(unit, key) }
			if !strings.Contains(of("CapabilityBoundingSet"), "+net_bind_service") {
				t.Fatalf("the unit lets nobody bind port %d:\n%s", low, unit)
			}
			rights = append(rights, "--inh-caps="+of("AmbientCapabilities"), "--ambient-caps="+of("AmbientCapabilities"),
				"--bounding-set="+of("CapabilityBoundingSet"), p.Bin)
			p.Launch(func(c *exec.Cmd) { c.Path, c.Args = setpriv, append(append([]string{"setpriv"}, rights...), p.Args...) })
			harness.Await(t, "the plug to serve", harness.ServeBound, func() bool {
				if p.HasExited() {
					t.Fatalf("exited with %d: %s", p.Code(), p.Errors())
				}
				return p.Serves()
			})
			held := harness.Hold(t, p, 1)[0]
			p.Upgrade(harness.NextVersion)
			harness.MustPing(t, held)
			c := harness.Dial(t, p.Addr())
			harness.MustPing(t, c)
			for _, c := range []*net.TCPConn{held, c} {
				if err := harness.Finish(c); err != nil {
					t.Error(err)
				}
			}
			p.Lines(2)
			harness.Await(t, "a worker that runs as 65534", harness.NormalWait, func() bool {
				return slices.ContainsFunc(p.Workers(), func(w harness.Process) bool {
					return strings.HasPrefix(harness.ProcStatus(fmt.Sprintf("/proc/%d", w.PID))["Uid"], "65534")
				})
			})
		})
	}
}
