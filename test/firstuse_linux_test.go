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
)

// cloneEnv passes the clone to the run of the test inside its namespaces.
const cloneEnv = "PLUG_TEST_CLONE"

// newcomer is a new user of plug. If possible, it is another user than the one
// who clones and builds.
type newcomer struct {
	*plug
	clone, root string // the source; the DESTDIR
	port        string
	runtime     string // XDG_RUNTIME_DIR
}

// The path of a new user, from a clean clone to the rotation of the session
// file. It prints how long each step takes.
func TestFirstUse(t *testing.T) {
	if os.Getenv(insideEnv) == "" {
		cloneForFirstUse(t)
	}
	if os.Getuid() == 0 && !ownRun(t) {
		return
	}
	n := newNewcomer(t)
	n.step("make install", func() { n.install("9.8.7") })
	n.step("start", n.begin)
	held := hold(t, n.plug, 2)
	n.step("plugctl sessions", func() {
		n.says(held[0].LocalAddr().String(), n.ctl("sessions"))
		n.says(held[1].LocalAddr().String(), n.ctl("sessions"))
	})
	n.step("kill one", func() { n.kill(held[0]) })
	n.step("make, make install, upgrade", func() {
		n.make("9.9.9")
		n.install("9.9.9")
		n.says("version 9.9.9", n.ctl("upgrade"))
		n.succeeded()
	})
	mustPing(t, held[1])
	n.step("service install --dry-run", func() {
		n.says("ExecStart="+n.bin+" ", n.ctl("service", "install", "--name", "news", "--manager", "systemd", "--dry-run", "--", n.port, "127.0.0.1:1"))
	})
	n.step("metrics --once", func() { n.says(`plug_up{plug="`+n.port+`"} 1`, n.ctl("metrics", "--once")) })
	n.step("log rotation, found by itself", func() { n.rename(n.sessions+".1", 0) })
	n.step("log rotation with USR1", func() { n.rename(n.sessions+".2", syscall.SIGUSR1) })
	if err := finish(held[1]); err != nil {
		t.Error(err)
	}
	n.lines(1)
	n.step("stop", func() { n.says("", n.ctl("stop")); n.gone(10 * time.Second) })
}

// cloneForFirstUse clones and builds outside of any namespace: missing modules
// are downloaded.
func cloneForFirstUse(t *testing.T) {
	t.Helper()
	program(t, "make")
	if out, err := exec.Command(program(t, "git"), "-C", "..", "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("no clone of a repository: %v: %s", err, out)
	}
	n := &newcomer{plug: &plug{t: t}, clone: filepath.Join(openDir(t), "plug")}
	n.step("git clone", func() { mustRun(t, ".", nil, "git", "clone", "-q", "..", n.clone) })
	n.step("make", func() { n.make("9.8.7") })
	t.Setenv(cloneEnv, n.clone)
}

func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	dir := openDir(t)
	n := &newcomer{clone: os.Getenv(cloneEnv), root: filepath.Join(dir, "root"), runtime: filepath.Join(dir, "run")}
	n.plug = &plug{t: t, mode: "prefork", port: freePort(t), dir: dir, bin: n.root + "/usr/local/sbin/plug",
		pidfile: filepath.Join(dir, "pid"), sessions: filepath.Join(dir, "sessions"), daemon: true}
	n.port = fmt.Sprint(n.plug.port)
	for _, d := range []string{n.root, n.runtime} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		makeWritable(t, d)
	}
	makeWritable(t, dir)
	t.Cleanup(func() {
		if isOf(n.master, n.bin) {
			syscall.Kill(n.master, syscall.SIGTERM)
		}
		n.gone(10 * time.Second)
	})
	return n
}

// step runs one step and prints how long it took.
func (n *newcomer) step(what string, do func()) {
	n.t.Helper()
	began := time.Now()
	do()
	n.t.Logf("%d ms: %s", time.Since(began).Milliseconds(), what)
}

func (n *newcomer) make(version string) {
	n.t.Helper()
	mustRun(n.t, n.clone, nil, "make", "RELEASE="+version)
}

// install is done by the other user, who has no Go and does not own the clone.
func (n *newcomer) install(version string) {
	n.t.Helper()
	if said := n.run(n.clone, withoutGo(n.t), "make", "install", "DESTDIR="+n.root); strings.Contains(said, "note:") {
		n.t.Errorf("make install: %s", said)
	}
	n.says(version, n.run("/", "", n.bin, "--version"))
}

func (n *newcomer) begin() {
	n.t.Helper()
	n.run(n.dir, "", n.bin, "-P", n.pidfile, "-S", n.sessions, n.port, serve(n.t, anywhere, echo).addr())
	if !n.serves() {
		n.t.Fatal("the command has returned before the plug serves")
	}
}

// ctl is plugctl without a flag that names the plug.
func (n *newcomer) ctl(args ...string) string {
	n.t.Helper()
	return n.run("/", "", append([]string{filepath.Join(filepath.Dir(n.bin), "plugctl")}, args...)...)
}

// kill ends a client's session by its ID, as sessions shows it.
func (n *newcomer) kill(client *net.TCPConn) {
	n.t.Helper()
	id := ""
	for line := range strings.Lines(n.ctl("sessions")) {
		if strings.Contains(line, client.LocalAddr().String()) {
			id = strings.Fields(line)[0]
		}
	}
	n.says(id, n.ctl("kill", id))
	if got, err := client.Read(make([]byte, 1)); got != 0 || err == nil {
		n.t.Errorf("after kill the client reads %d bytes, %v", got, err)
	}
	n.lines(1)
}

// run runs a command as the newcomer, and returns its output.
func (n *newcomer) run(dir, env string, command ...string) string {
	n.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_RUNTIME_DIR="+n.runtime, "HOME="+n.dir)
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		n.t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}

func (n *newcomer) says(want, said string) {
	n.t.Helper()
	if !strings.Contains(said, want) {
		n.t.Errorf("no %q in\n%s", want, said)
	}
}
