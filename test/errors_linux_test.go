// Tests that errors say what would be right.

package test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// If a user may not bind a low port, the error lists the ways to get it.
func TestLowPortRefused(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	first, _ := strconv.Atoi(strings.TrimSpace(harness.ReadString("/proc/sys/net/ipv4/ip_unprivileged_port_start")))
	low := harness.LowPort(t)
	if low >= first {
		t.Skipf("everybody may bind port %d here", low)
	}
	p := harness.Prepare(t, "prefork", "{port}", harness.Refusing(t))
	harness.MakeWritable(t, p.Dir)
	for i, a := range p.Args {
		if a == strconv.Itoa(p.Port) {
			p.Args[i] = strconv.Itoa(low)
		}
	}
	p.Launch(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	})
	if code := p.Wait(harness.ServeBound); code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	for _, want := range []string{"ermission denied", "needs root", "CAP_NET_BIND_SERVICE", "setcap", "AmbientCapabilities=", "net.ipv4.ip_unprivileged_port_start"} {
		if !strings.Contains(p.Errors(), want) {
			t.Errorf("no %q in %q", want, p.Errors())
		}
	}
}

// A usage error of plugctl says what would be right.
func TestPlugctlErrorsHelp(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Refusing(t))...)
	if err := os.WriteFile(p.Dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-s", "file", "status"}, 2, "control socket file: not a socket; expected the path that the plug's --control names"},
		{[]string{"-s", "ctl", "kill", "4711"}, 5, `"4711" is not a session ID; expected one as in 1-8-2, or --pid 4711`},
		{[]string{"-s", "ctl", "status", "--sort", "id"}, 5, "plugctl status has no flag --sort"},
		{[]string{"-s", "ctl", "target", "disable"}, 5, "plugctl target disable: missing argument; expected TARGET"},
	} {
		if r := harness.RunCtl(t, p.Dir, c.args...); r.Status != c.status || !strings.HasPrefix(r.Stderr, "plugctl: "+c.want) {
			t.Errorf("%q: %+v, want status %d and %q", c.args, r, c.status, c.want)
		}
	}
}
