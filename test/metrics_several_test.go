// Tests of plugctl metrics: --once, several plugs, --unit.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// One run prints the metrics of several plugs once; the state of one that is
// down is a number, too.
func TestMetricsOnce(t *testing.T) {
	t.Parallel()
	a := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	b := start(t, "pool", withControl(serve(t, anywhere, echo).addr())...)
	away := filepath.Join(a.dir, "away")
	r := runCtl(t, a.dir, "-s", a.ctl(), "-P", b.pidfile, "-s", away, "metrics", "--once")
	for _, want := range []string{
		fmt.Sprintf("plug_up{plug=%q} 1\n", fmt.Sprint(a.port)),
		fmt.Sprintf("plug_up{plug=%q} 1\n", fmt.Sprint(b.port)),
		fmt.Sprintf("plug_up{plug=%q} 0\n", away),
		fmt.Sprintf("plug_build_info{mode=\"pool\",plug=%q,version=", fmt.Sprint(b.port)),
	} {
		if r.status != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("status %d, no %q in\n%s%s", r.status, want, tail(r.stdout, 2000), r.stderr)
		}
	}
	r = runCtl(t, a.dir, "--json", "-s", a.ctl(), "metrics", "--once")
	if want := fmt.Sprintf(`"plug":"%d"`, a.port); r.status != 0 || !strings.HasPrefix(r.stdout, `{"done":true,"plugs":[{`) || !strings.Contains(r.stdout, want) {
		t.Errorf("%d: %s%s", r.status, r.stdout, r.stderr)
	}
	if r := runCtl(t, a.dir, "-s", a.ctl(), "-s", b.ctl(), "status"); r.status != 5 || !strings.Contains(r.stderr, "name one plug") {
		t.Errorf("two plugs and status: %+v", r)
	}
}

// A wrong address is a usage error, and is found without DNS.
func TestMetricsListenIsChecked(t *testing.T) {
	t.Parallel()
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	for _, address := range []string{"", "nowhere", "nowhere.invalid:7584", "localhost:7584", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:http"} {
		r := p.ctlTry("metrics", "--listen", address)
		if r.status != 5 || r.stdout != "" || !strings.Contains(r.stderr, "must be ADDR:PORT") {
			t.Errorf("--listen %q: %+v", address, r)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"--help"}, {"-V"}, {"-s", p.ctl(), "metrics", "--once"}, {"-s", p.ctl(), "metrics", "--listen", "127.0.0.1:0"}} {
		cmd := exec.Command(ctlProgram(t), args...)
		cmd.Stdout = full
		cmd.Run()
		if status := cmd.ProcessState.ExitCode(); status != 1 {
			t.Errorf("%q on a full device: status %d", args, status)
		}
	}
}

// systemd accepts the unit that --unit prints, which contains the command
// line.
func TestMetricsUnit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := runCtl(t, dir, "-s", "a b.ctl", "-P", "/run/b.pid", "metrics", "--listen", "127.0.0.1:26999", "--unit")
	want := fmt.Sprintf("ExecStart=%s -s \"%s/a b.ctl\" -P /run/b.pid --timeout 5s metrics --listen 127.0.0.1:26999\n", ctlProgram(t), dir)
	if r.status != 0 || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, "AF_NETLINK") {
		t.Fatalf("%d, no %q in %s%s", r.status, want, r.stdout, r.stderr)
	}
	path := filepath.Join(dir, "plug-metrics.service")
	if err := os.WriteFile(path, []byte(r.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil || syscall.Geteuid() != 0 {
		t.Skip("systemd-analyze is not installed, or not for this user")
	}
	cmd := exec.Command(analyze, "verify", path)
	if said, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(said), "plug-metrics") {
		t.Errorf("systemd-analyze verify: %v: %s", err, said)
	}
}
