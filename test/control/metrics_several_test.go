// Tests of plugctl metrics: --once, several plugs, --unit.

package control

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// One run prints the metrics of several plugs once; the state of one that is
// down is a number, too.
func TestMetricsOnce(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	b := harness.Start(t, "pool", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	away := filepath.Join(a.Dir, "away")
	r := harness.RunCtl(t, a.Dir, "-s", a.Ctl(), "-P", b.Pidfile, "-s", away, "metrics", "--once")
	for _, want := range []string{
		fmt.Sprintf("plug_up{plug=%q} 1\n", fmt.Sprint(a.Port)),
		fmt.Sprintf("plug_up{plug=%q} 1\n", fmt.Sprint(b.Port)),
		fmt.Sprintf("plug_up{plug=%q} 0\n", away),
		fmt.Sprintf("plug_build_info{mode=\"pool\",plug=%q,version=", fmt.Sprint(b.Port)),
	} {
		if r.Status != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("status %d, no %q in\n%s%s", r.Status, want, harness.Tail(r.Stdout, 2000), r.Stderr)
		}
	}
	r = harness.RunCtl(t, a.Dir, "--json", "-s", a.Ctl(), "metrics", "--once")
	if want := fmt.Sprintf(`"plug":"%d"`, a.Port); r.Status != 0 || !strings.HasPrefix(r.Stdout, `{"done":true,"plugs":[{`) || !strings.Contains(r.Stdout, want) {
		t.Errorf("%d: %s%s", r.Status, r.Stdout, r.Stderr)
	}
	if r := harness.RunCtl(t, a.Dir, "-s", a.Ctl(), "-s", b.Ctl(), "status"); r.Status != 5 || !strings.Contains(r.Stderr, "name one plug") {
		t.Errorf("two plugs and status: %+v", r)
	}
}

// A wrong address is a usage error, and is found without DNS.
func TestMetricsListenIsChecked(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	for _, address := range []string{"", "nowhere", "nowhere.invalid:7584", "localhost:7584", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:http"} {
		r := p.CtlTry("metrics", "--listen", address)
		if r.Status != 5 || r.Stdout != "" || !strings.Contains(r.Stderr, "must be ADDR:PORT") {
			t.Errorf("--listen %q: %+v", address, r)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"--help"}, {"-V"}, {"-s", p.Ctl(), "metrics", "--once"}, {"-s", p.Ctl(), "metrics", "--listen", "127.0.0.1:0"}} {
		cmd := exec.Command(harness.CtlProgram(t), args...)
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
	r := harness.RunCtl(t, dir, "-s", "a b.ctl", "-P", "/run/b.pid", "metrics", "--listen", "127.0.0.1:26999", "--unit")
	want := fmt.Sprintf("ExecStart=%s -s \"%s/a b.ctl\" -P /run/b.pid --timeout 5s metrics --listen 127.0.0.1:26999\n", harness.CtlProgram(t), dir)
	if r.Status != 0 || !strings.Contains(r.Stdout, want) || !strings.Contains(r.Stdout, "AF_NETLINK") {
		t.Fatalf("%d, no %q in %s%s", r.Status, want, r.Stdout, r.Stderr)
	}
	path := filepath.Join(dir, "plug-metrics.service")
	if err := os.WriteFile(path, []byte(r.Stdout), 0o644); err != nil {
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
