// Tests of a service with only its unit's capabilities.

package test

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// With only the capabilities that its unit leaves it, a plug binds a port
// below 1024, serves, upgrades, and writes its records: as root with workers
// of another user, and completely as another user.
func TestServiceRights(t *testing.T) {
	needRoot(t)
	setpriv := program(t, "setpriv")
	for name, user := range map[string]string{"root": "", "user": "65534:65534"} {
		t.Run(name, func(t *testing.T) {
			p := upgradable(t, "prefork", thisOne, "-n", serve(t, anywhere, echo).addr())
			makeWritable(t, p.dir)
			low := lowPort(t)
			p.args[slices.Index(p.args, strconv.Itoa(p.port))] = strconv.Itoa(low)
			p.port = low
			install := []string{"service", "install", "--name", "x", "--manager", "systemd", "--dry-run", "--program", p.bin}
			rights := []string{"--no-new-privs"}
			if user == "" {
				p.args = append(p.args, "--user", "65534:65534")
			} else {
				install = append(install, "--user", user)
				rights = append(rights, "--reuid=65534", "--regid=65534", "--clear-groups")
			}
			unit, err := exec.Command(ctlProgram(t), append(append(install, "--"), p.args...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			of := func(key string) string {
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
			if !strings.Contains(of("CapabilityBoundingSet"), "+net_bind_service") {
				t.Fatalf("the unit lets nobody bind port %d:\n%s", low, unit)
			}
			rights = append(rights, "--inh-caps="+of("AmbientCapabilities"), "--ambient-caps="+of("AmbientCapabilities"),
				"--bounding-set="+of("CapabilityBoundingSet"), p.bin)
			p.launch(func(c *exec.Cmd) { c.Path, c.Args = setpriv, append(append([]string{"setpriv"}, rights...), p.args...) })
			await(t, "the plug to serve", serveBound, func() bool {
				if p.hasExited() {
					t.Fatalf("exited with %d: %s", p.code(), p.errors())
				}
				return p.serves()
			})
			held := hold(t, p, 1)[0]
			p.upgrade(nextOne)
			mustPing(t, held)
			c := dial(t, p.addr())
			mustPing(t, c)
			for _, c := range []*net.TCPConn{held, c} {
				if err := finish(c); err != nil {
					t.Error(err)
				}
			}
			p.lines(2)
			if uid := status(fmt.Sprintf("/proc/%d", p.workers()[0].pid))["Uid"]; !strings.HasPrefix(uid, "65534") {
				t.Errorf("a worker runs as %s", uid)
			}
		})
	}
}

// lowPort is a free port that only privileged users may bind.
func lowPort(t testing.TB) int {
	t.Helper()
	for port := 1023; port > 600; port-- {
		if ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatal("no free port below 1024")
	return 0
}
