// Tests that errors say what would be right.

package test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// If a user may not bind a low port, the error lists the ways to get it.
func TestLowPortRefused(t *testing.T) {
	needRoot(t)
	first, _ := strconv.Atoi(strings.TrimSpace(readString("/proc/sys/net/ipv4/ip_unprivileged_port_start")))
	low := lowPort(t)
	if low >= first {
		t.Skipf("everybody may bind port %d here", low)
	}
	p := prepare(t, "prefork", "{port}", refusing(t))
	makeWritable(t, p.dir)
	for i, a := range p.args {
		if a == strconv.Itoa(p.port) {
			p.args[i] = strconv.Itoa(low)
		}
	}
	p.launch(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	})
	if code := p.wait(serveBound); code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	for _, want := range []string{"ermission denied", "needs root", "CAP_NET_BIND_SERVICE", "setcap", "AmbientCapabilities=", "net.ipv4.ip_unprivileged_port_start"} {
		if !strings.Contains(p.errors(), want) {
			t.Errorf("no %q in %q", want, p.errors())
		}
	}
}

// A usage error of plugctl says what would be right.
func TestPlugctlErrorsHelp(t *testing.T) {
	p := start(t, "prefork", withControl(refusing(t))...)
	if err := os.WriteFile(p.dir+"/file", nil, 0o600); err != nil {
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
		if r := runCtl(t, p.dir, c.args...); r.status != c.status || !strings.HasPrefix(r.stderr, "plugctl: "+c.want) {
			t.Errorf("%q: %+v, want status %d and %q", c.args, r, c.status, c.want)
		}
	}
}
