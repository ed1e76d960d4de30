// Tests of the control socket without --control, and of plugctl without -s.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownRun gives a test its own /run and network namespace, so that no other
// plug of this system is found. It returns true inside.
func ownRun(t *testing.T) bool {
	t.Helper()
	if !enter(t, ofMounts|ofNet) {
		return false
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		t.Skipf("a /run of its own: %v", err)
	}
	return true
}

// without removes an option and its value from a plug's command line.
func (p *plug) without(option string) {
	for i, a := range p.args {
		if a == option {
			p.args = append(p.args[:i:i], p.args[i+2:]...)
			return
		}
	}
}

// unnamed is a plug with its control socket at the default path.
func unnamed(t *testing.T, args ...string) *plug {
	t.Helper()
	p := prepare(t, "prefork", append(args, serve(t, anywhere, echo).addr())...)
	p.without("--control")
	return p
}

// A plug has a control socket by default; plugctl without a flag finds the
// only plug, and lists them if there are several.
func TestControlByDefault(t *testing.T) {
	if !ownRun(t) {
		return
	}
	if r := runCtl(t, "/", "status"); r.status != 2 || !strings.Contains(r.stderr, "no running plug was found") {
		t.Errorf("without a plug: %+v", r)
	}
	p := unnamed(t)
	p.install(stampedWith(t, thisOne))
	p.detach()
	path := fmt.Sprintf("/run/plug/%d.ctl", p.port)
	for path, mode := range map[string]os.FileMode{"/run/plug": os.ModeDir | 0o755, path: os.ModeSocket | 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want mode %v", path, info, err, mode)
		}
	}
	held := hold(t, p, 1)
	if r := runCtl(t, "/", "sessions"); r.status != 0 || !strings.Contains(r.stdout, held[0].LocalAddr().String()) {
		t.Errorf("sessions without a flag: %+v", r)
	}
	p.install(stampedWith(t, nextOne))
	if r := runCtl(t, "/", "upgrade"); r.status != 0 || !strings.Contains(r.stdout, "version "+nextOne) {
		t.Errorf("upgrade without a flag: %+v", r)
	}
	p.replaced(nextOne)
	if err := finish(held[0]); err != nil {
		t.Error(err)
	}

	q := unnamed(t, "-i", "127.0.0.1")
	q.foreground()
	other := fmt.Sprintf("/run/plug/127.0.0.1_%d.ctl", q.port)
	r := runCtl(t, "/", "status")
	if r.status != 5 || !strings.Contains(r.stderr, "2 plugs are running; choose one: -s ") || !strings.Contains(r.stderr, path) || !strings.Contains(r.stderr, other) {
		t.Errorf("two plugs: %+v", r)
	}
	r = runCtl(t, "/", "list")
	for _, want := range []string{fmt.Sprintf("%d ", p.port), fmt.Sprintf("127.0.0.1:%d ", q.port), path, other, fmt.Sprint(q.master)} {
		if r.status != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("list: no %q in %+v", want, r)
		}
	}
	cmd := exec.Command(ctlProgram(t), "status")
	cmd.Env = append(os.Environ(), "PLUG_CONTROL="+other)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("PID %d,", q.master)) {
		t.Errorf("PLUG_CONTROL: %v: %s", err, out)
	}
	for _, p := range []*plug{p, q} {
		p.stop()
	}
	if left, err := os.ReadDir("/run/plug"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A plug works without its default control socket if another plug has it, or
// if its directory cannot be made. It logs that, and serves.
func TestControlByDefaultFails(t *testing.T) {
	if !ownRun(t) {
		return
	}
	p := unnamed(t)
	p.foreground()
	q := unnamed(t)
	q.args[len(q.args)-2] = fmt.Sprint(p.port)
	q.port = p.port
	// The same port in another network namespace: only the socket's path is
	// shared.
	q.args = append([]string{"-n"}, q.args...)
	q.launch(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	})
	await(t, "the second plug to say that it has no control socket", serveBound, func() bool {
		return len(q.said(fmt.Sprintf(`\[WARN\].*no control socket.*held by the plug %d, PID %d`, p.port, p.master))) == 1
	})
	await(t, "its pidfile", serveBound, func() bool {
		pids, _ := readPidfile(q.pidfile)
		return len(pids) > 0
	})
	if r := runCtl(t, "/", "status"); r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("PID %d,", p.master)) {
		t.Errorf("the first plug keeps its socket: %+v", r)
	}
	q.signal(syscall.SIGTERM)
	q.wait(serveBound)
	if r := runCtl(t, "/", "status"); r.status != 0 {
		t.Errorf("the second plug took the first one's socket with it: %+v", r)
	}
	p.stop()

	if err := os.RemoveAll("/run/plug"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/run/plug", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := unnamed(t)
	o.foreground()
	await(t, "a warning", serveBound, func() bool {
		return len(o.said(`\[WARN\].*no control socket.*/run/plug must be a directory`)) == 1
	})
	c := dial(t, o.addr())
	mustPing(t, c)
	if err := finish(c); err != nil {
		t.Error(err)
	}
	o.stop()
	d := unnamed(t)
	d.detach() // a daemon logs it to syslog
	d.syslog.await(t, ".*no control socket.*")
	if said := d.errors(); said != "" {
		t.Errorf("the daemon's command says %q", said)
	}
	d.stop()
}

// Another user's plug has its socket in that user's runtime directory, or has
// none.
func TestControlByDefaultOfAUser(t *testing.T) {
	if !ownRun(t) {
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
		makeWritable(t, p.dir)
		p.args = append([]string{"-n"}, p.args...)
		p.launch(func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		})
		await(t, "the plug to serve", serveBound, p.serves)
		r := runCtl(t, "/", "list", "--json")
		path := fmt.Sprintf("%s/plug/%d.ctl", dir, p.port)
		if has := strings.Contains(r.stdout, path) && strings.Contains(r.stdout, fmt.Sprintf(`"pid":%d,`, p.master)); r.status != 0 || has != (dir != "") {
			t.Errorf("%q: %+v", dir, r)
		}
		if info, err := os.Stat(dir + "/plug"); dir != "" && (err != nil || info.Mode().Perm() != 0o700) {
			t.Errorf("%v, %v", info, err)
		}
		if said := p.errors(); said != "" {
			t.Errorf("%q: %s", dir, said)
		}
		p.stop()
	}
}
