// TestFirstUse: a new user's path from the clone to log rotation.

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// cloneEnv passes the clone to the run of the test inside its namespaces.
const cloneEnv = "PLUG_TEST_CLONE"

// newcomer is a new user of plug. If possible, it is another user than the one
// who clones and builds.
type newcomer struct {
	*harness.Plug
	clone, root string // the source; the DESTDIR
	port        string
	runtime     string // XDG_RUNTIME_DIR
}

// The path of a new user, from a clean clone to the rotation of the session
// file. It prints how long each step takes.
func TestFirstUse(t *testing.T) {
	if os.Getenv(harness.InsideEnv) == "" {
		cloneForFirstUse(t)
	}
	if os.Getuid() == 0 && !harness.OwnRun(t) {
		return
	}
	n := newNewcomer(t)
	n.step("make install", func() { n.install("9.8.7") })
	n.step("start", n.begin)
	held := harness.Hold(t, n.Plug, 2)
	n.step("plugctl sessions", func() {
		n.says(held[0].LocalAddr().String(), n.ctl("sessions"))
		n.says(held[1].LocalAddr().String(), n.ctl("sessions"))
	})
	n.step("kill one", func() { n.kill(held[0]) })
	n.step("make, make install, upgrade", func() {
		n.make("9.9.9")
		n.install("9.9.9")
		n.says("version 9.9.9", n.ctl("upgrade"))
		n.Succeeded()
	})
	harness.MustPing(t, held[1])
	n.step("service install --dry-run", func() {
		n.says("ExecStart="+n.Bin+" ", n.ctl("service", "install", "--name", "news", "--manager", "systemd", "--dry-run", "--", n.port, "127.0.0.1:1"))
	})
	n.step("metrics --once", func() { n.says(`plug_up{plug="`+n.port+`"} 1`, n.ctl("metrics", "--once")) })
	n.step("log rotation, found by itself", func() { rotateByRename(n.Plug, n.Sessions+".1", 0) })
	n.step("log rotation with USR1", func() { rotateByRename(n.Plug, n.Sessions+".2", syscall.SIGUSR1) })
	if err := harness.Finish(held[1]); err != nil {
		t.Error(err)
	}
	n.Lines(1)
	n.step("stop", func() { n.says("", n.ctl("stop")); n.Gone(10 * time.Second) })
}

// cloneForFirstUse clones and builds outside of any namespace: missing modules
// are downloaded.
func cloneForFirstUse(t *testing.T) {
	t.Helper()
	harness.Program(t, "make")
	if out, err := exec.Command(harness.Program(t, "git"), "-C", "..", "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("no clone of a repository: %v: %s", err, out)
	}
	n := &newcomer{Plug: &harness.Plug{T: t}, clone: filepath.Join(harness.OpenDir(t), "plug")}
	n.step("git clone", func() { mustRun(t, ".", nil, "git", "clone", "-q", "..", n.clone) })
	n.step("make", func() { n.make("9.8.7") })
	t.Setenv(cloneEnv, n.clone)
}

func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	dir := harness.OpenDir(t)
	n := &newcomer{clone: os.Getenv(cloneEnv), root: filepath.Join(dir, "root"), runtime: filepath.Join(dir, "run")}
	n.Plug = &harness.Plug{T: t, Mode: "prefork", Port: harness.FreePort(t), Dir: dir, Bin: n.root + "/usr/local/sbin/plug",
		Pidfile: filepath.Join(dir, "pid"), Sessions: filepath.Join(dir, "sessions"), Daemon: true}
	n.port = fmt.Sprint(n.Plug.Port)
	for _, d := range []string{n.root, n.runtime} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		harness.MakeWritable(t, d)
	}
	harness.MakeWritable(t, dir)
	t.Cleanup(func() {
		if harness.IsOf(n.Master, n.Bin) {
			syscall.Kill(n.Master, syscall.SIGTERM)
		}
		n.Gone(10 * time.Second)
	})
	return n
}

// step runs one step and prints how long it took.
func (n *newcomer) step(what string, do func()) {
	n.T.Helper()
	began := time.Now()
	do()
	n.T.Logf("%d ms: %s", time.Since(began).Milliseconds(), what)
}

func (n *newcomer) make(version string) {
	n.T.Helper()
	mustRun(n.T, n.clone, nil, "make", "RELEASE="+version)
}

// install is done by the other user, who has no Go and does not own the clone.
func (n *newcomer) install(version string) {
	n.T.Helper()
	if said := n.run(n.clone, withoutGo(n.T), "make", "install", "DESTDIR="+n.root); strings.Contains(said, "note:") {
		n.T.Errorf("make install: %s", said)
	}
	n.says(version, n.run("/", "", n.Bin, "--version"))
}

func (n *newcomer) begin() {
	n.T.Helper()
	n.run(n.Dir, "", n.Bin, "-P", n.Pidfile, "-S", n.Sessions, n.port, harness.Serve(n.T, harness.Anywhere, harness.Echo).Addr())
	if !n.Serves() {
		n.T.Fatal("the command has returned before the plug serves")
	}
}

// ctl is plugctl without a flag that names the plug.
func (n *newcomer) ctl(args ...string) string {
	n.T.Helper()
	return n.run("/", "", append([]string{filepath.Join(filepath.Dir(n.Bin), "plugctl")}, args...)...)
}

// kill ends a client's session by its ID, as sessions shows it.
func (n *newcomer) kill(client *net.TCPConn) {
	n.T.Helper()
	id := ""
	for line := range strings.Lines(n.ctl("sessions")) {
		if strings.Contains(line, client.LocalAddr().String()) {
			id = strings.Fields(line)[0]
		}
	}
	n.says(id, n.ctl("kill", id))
	if got, err := client.Read(make([]byte, 1)); got != 0 || err == nil {
		n.T.Errorf("after kill the client reads %d bytes, %v", got, err)
	}
	n.Lines(1)
}

// run runs a command as the newcomer, and returns its output.
func (n *newcomer) run(dir, env string, command ...string) string {
	n.T.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_RUNTIME_DIR="+n.runtime, "HOME="+n.Dir)
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		n.T.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}

func (n *newcomer) says(want, said string) {
	n.T.Helper()
	if !strings.Contains(said, want) {
		n.T.Errorf("no %q in\n%s", want, said)
	}
}
