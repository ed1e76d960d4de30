// Tests of the control socket without --control, and of plugctl without -s.

package control

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"daemon/plug/test/harness"
)

// without removes an option and its value from a plug's command line.
func without(p *harness.Plug, option string) {
	for i, a := range p.Args {
		if a == option {
			p.Args = append(p.Args[:i:i], p.Args[i+2:]...)
			return
		}
	}
}

// unnamed is a plug with its control socket at the default path.
func unnamed(t *testing.T, args ...string) *harness.Plug {
	t.Helper()
	p := harness.Prepare(t, "prefork", append(args, harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	without(p, "--control")
	return p
}

// A plug has a control socket by default; plugctl without a flag finds the
// only plug, and lists them if there are several.
func TestControlByDefault(t *testing.T) {
	t.Parallel()
	if !harness.OwnRun(t) {
		return
	}
	if r := harness.RunCtl(t, "/", "status"); r.Status != 2 || !strings.Contains(r.Stderr, "no running plug was found") {
		t.Errorf("without a plug: %+v", r)
	}
	p := unnamed(t)
	p.Install(harness.Stamped(t, harness.ThisVersion))
	p.Detach()
	path := fmt.Sprintf("/run/plug/%d.ctl", p.Port)
	for path, mode := range map[string]os.FileMode{"/run/plug": os.ModeDir | 0o755, path: os.ModeSocket | 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want mode %v", path, info, err, mode)
		}
	}
	held := harness.Hold(t, p, 1)
	if r := harness.RunCtl(t, "/", "sessions"); r.Status != 0 || !strings.Contains(r.Stdout, held[0].LocalAddr().String()) {
		t.Errorf("sessions without a flag: %+v", r)
	}
	p.Install(harness.Stamped(t, harness.NextVersion))
	if r := harness.RunCtl(t, "/", "upgrade"); r.Status != 0 || !strings.Contains(r.Stdout, "version "+harness.NextVersion) {
		t.Errorf("upgrade without a flag: %+v", r)
	}
	p.Replaced(harness.NextVersion)
	if err := harness.Finish(held[0]); err != nil {
		t.Error(err)
	}

	q := unnamed(t, "-i", "127.0.0.1")
	q.Foreground()
	other := fmt.Sprintf("/run/plug/127.0.0.1_%d.ctl", q.Port)
	r := harness.RunCtl(t, "/", "status")
	if r.Status != 5 || !strings.Contains(r.Stderr, "2 plugs are running; choose one: -s ") || !strings.Contains(r.Stderr, path) || !strings.Contains(r.Stderr, other) {
		t.Errorf("two plugs: %+v", r)
	}
	r = harness.RunCtl(t, "/", "list")
	for _, want := range []string{fmt.Sprintf("%d ", p.Port), fmt.Sprintf("127.0.0.1:%d ", q.Port), path, other, fmt.Sprint(q.Master)} {
		if r.Status != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("list: no %q in %+v", want, r)
		}
	}
	cmd := exec.Command(harness.CtlProgram(t), "status")
	cmd.Env = append(os.Environ(), "PLUG_CONTROL="+other)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("PID %d,", q.Master)) {
		t.Errorf("PLUG_CONTROL: %v: %s", err, out)
	}
	for _, p := range []*harness.Plug{p, q} {
		p.Stop()
	}
	if left, err := os.ReadDir("/run/plug"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A plug works without its default control socket if another plug has it, or
// if its directory cannot be made. It logs that, and serves.
func TestControlByDefaultFails(t *testing.T) {
	t.Parallel()
	if !harness.OwnRun(t) {
		return
	}
	p := unnamed(t)
	p.Foreground()
	q := unnamed(t)
	q.Args[len(q.Args)-2] = fmt.Sprint(p.Port)
	q.Port = p.Port
	// The same port in another network namespace: only the socket's path is
	// shared.
	q.Args = append([]string{"-n"}, q.Args...)
	q.Launch(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	})
	harness.Await(t, "the second plug to say that it has no control socket", harness.ServeBound, func() bool {
		return len(q.Said(fmt.Sprintf(`\[WARN\].*no control socket.*held by the plug %d, PID %d`, p.Port, p.Master))) == 1
	})
	harness.Await(t, "its pidfile", harness.ServeBound, func() bool {
		pids, _ := harness.ReadPidfile(q.Pidfile)
		return len(pids) > 0
	})
	if r := harness.RunCtl(t, "/", "status"); r.Status != 0 || !strings.Contains(r.Stdout, fmt.Sprintf("PID %d,", p.Master)) {
		t.Errorf("the first plug keeps its socket: %+v", r)
	}
	q.Signal(syscall.SIGTERM)
	q.Wait(harness.ServeBound)
	if r := harness.RunCtl(t, "/", "status"); r.Status != 0 {
		t.Errorf("the second plug took the first one's socket with it: %+v", r)
	}
	p.Stop()

	if err := os.RemoveAll("/run/plug"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/run/plug", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := unnamed(t)
	o.Foreground()
	harness.Await(t, "a warning", harness.ServeBound, func() bool {
		return len(o.Said(`\[WARN\].*no control socket.*/run/plug must be a directory`)) == 1
	})
	c := harness.Dial(t, o.Addr())
	harness.MustPing(t, c)
	if err := harness.Finish(c); err != nil {
		t.Error(err)
	}
	o.Stop()
	d := unnamed(t)
	d.Detach() // a daemon logs it to syslog
	d.Syslog.Await(t, ".*no control socket.*")
	if said := d.Errors(); said != "" {
		t.Errorf("the daemon's command says %q", said)
	}
	d.Stop()
}

// Another user's plug has its socket in that user's runtime directory, or has
// none.
func TestControlByDefaultOfAUser(t *testing.T) {
	t.Parallel()
	if !harness.OwnRun(t) {
		return
	}
	for _, dir := range []string{"/run/user/65534", ""} {
		if dir != "" {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(dir, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
		p := unnamed(t)
		harness.MakeWritable(t, p.Dir)
		p.Args = append([]string{"-n"}, p.Args...)
		p.Launch(func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		})
		harness.Await(t, "the plug to serve", harness.ServeBound, p.Serves)
		r := harness.RunCtl(t, "/", "list", "--json")
		path := fmt.Sprintf("%s/plug/%d.ctl", dir, p.Port)
		if has := strings.Contains(r.Stdout, path) && strings.Contains(r.Stdout, fmt.Sprintf(`"pid":%d,`, p.Master)); r.Status != 0 || has != (dir != "") {
			t.Errorf("%q: %+v", dir, r)
		}
		if info, err := os.Stat(dir + "/plug"); dir != "" && (err != nil || info.Mode().Perm() != 0o700) {
			t.Errorf("%v, %v", info, err)
		}
		if said := p.Errors(); said != "" {
			t.Errorf("%q: %s", dir, said)
		}
		p.Stop()
	}
}
