// Tests of the control socket's file: when it exists, and whose it is.

package test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The socket exists from the time when the plug serves until it ends, and
// disappears with the master that owns it.
func TestControlSocketGoes(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		p := startDaemon(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
		if got := p.asks("status", nil).Status; got.PID != p.master || got.Shepherd != 0 {
			t.Fatalf("%+v", got)
		}
		p.signal(s)
		p.gone(10 * time.Second)
		if _, err := os.Lstat(p.ctl()); !os.IsNotExist(err) {
			t.Errorf("after signal %d: %v", s, err)
		}
		if files, _ := filepath.Glob(filepath.Join(p.dir, ".plug*")); len(files) > 0 {
			t.Errorf("after signal %d: %v", s, files)
		}
	}
}

// If another process has replaced the socket, the replacement stays.
func TestControlSocketOfAnother(t *testing.T) {
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	if err := os.Rename(p.ctl(), p.ctl()+".old"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", p.ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.stop()
	if _, err := os.Lstat(p.ctl()); err != nil {
		t.Errorf("another's socket: %v", err)
	}
}

// A socket whose process was killed is replaced; if it is in use, or is not a
// socket, the start fails and leaves nothing.
func TestControlSocketTaken(t *testing.T) {
	t.Parallel()
	target := serve(t, anywhere, echo).addr()
	p := startDaemon(t, "prefork", withControl(target)...)
	second := func(path string) (code int, why string) {
		q := prepare(t, "prefork", "--control", path, target)
		q.launch()
		code = q.wait(serveBound)
		if code != 0 && (len(q.procs()) > 0 || listening(t, q.port) || readString(q.pidfile) != "") {
			t.Errorf("%s: something is left behind", q.errors())
		}
		return code, q.errors()
	}
	code, why := second(p.ctl())
	if want := fmt.Sprintf("plug: control socket %s: held by the plug %d, PID %d\n", p.ctl(), p.port, p.master); code != 4 || why != want {
		t.Errorf("exit code %d, %q, want %q", code, why, want)
	}
	stopProcess(t, p.master)
	if code, why := second(p.ctl()); code != 4 || !strings.Contains(why, fmt.Sprintf("held by PID %d", p.master)) {
		t.Errorf("exit code %d, %q", code, why)
	}
	syscall.Kill(p.master, syscall.SIGCONT)
	p.asks("status", nil)
	plain := filepath.Join(p.dir, "plain")
	os.WriteFile(plain, []byte("precious"), 0o600)
	if code, why := second(plain); code != 4 || !strings.Contains(why, plain+": the path names a file that is not a socket") || readString(plain) != "precious" {
		t.Errorf("exit code %d, %q, the file has %q", code, why, readString(plain))
	}
	if code, why := second(filepath.Join(p.dir, "none", "ctl")); code != 4 || !strings.Contains(why, "o such file or directory") {
		t.Errorf("exit code %d, %q", code, why)
	}

	stale := identity(t, p.ctl())
	syscall.Kill(p.master, syscall.SIGKILL)
	p.gone(10 * time.Second)
	if identity(t, p.ctl()) != stale {
		t.Fatal("a killed master's socket is gone")
	}
	p.launch()
	if code := p.wait(serveBound); code != 0 || !p.serves() {
		t.Fatalf("exit code %d: %s", code, p.errors())
	}
	if got := p.asks("status", nil).Status; got.PID != p.master || identity(t, p.ctl()) == stale {
		t.Errorf("%+v", got)
	}
}

// Workers inherit no descriptor of the control socket or of its clients.
func TestControlNotInherited(t *testing.T) {
	target := serve(t, anywhere, echo).addr()
	with, without := start(t, "fork", withControl(target)...), start(t, "fork", target)
	kept, err := openTalk(with.ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	with.asks("status", nil)
	held := [2]int{with.carriersOf(hold(t, with, 9))[8], without.carriersOf(hold(t, without, 9))[8]} // more than there were spares
	if a, b := descriptors(held[0]), descriptors(held[1]); len(a) != len(b) {
		t.Errorf("descriptors %v, without a control socket %v", a, b)
	}
}

// Without clients, a control socket costs the master nothing.
func TestControlIdle(t *testing.T) {
	const most = 3 * 10 // same as TestIdleMaster
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	kept, err := openTalk(p.ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	p.asks("metrics", nil)
	var rate float64
	if !holdsWithin(15*time.Second, func() bool {
		before := switches(p.master)
		passed(2 * time.Second)
		rate = float64(switches(p.master)-before) / 2
		return rate <= most
	}) {
		t.Errorf("%.1f context switches a second, want at most %d", rate, most)
	}
	t.Logf("context switches a second: %.1f", rate)
}
