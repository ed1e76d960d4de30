// Tests of the control socket's file: when it exists, and whose it is.

package control

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// The socket exists from the time when the plug serves until it ends, and
// disappears with the master that owns it.
func TestControlSocketGoes(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		p := harness.StartDaemon(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		if got := p.Asks("status", nil).Status; got.PID != p.Master || got.Shepherd != 0 {
			t.Fatalf("%+v", got)
		}
		p.Signal(s)
		p.Gone(10 * time.Second)
		if _, err := os.Lstat(p.Ctl()); !os.IsNotExist(err) {
			t.Errorf("after signal %d: %v", s, err)
		}
		if files, _ := filepath.Glob(filepath.Join(p.Dir, ".plug*")); len(files) > 0 {
			t.Errorf("after signal %d: %v", s, files)
		}
	}
}

// If another process has replaced the socket, the replacement stays.
func TestControlSocketOfAnother(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	if err := os.Rename(p.Ctl(), p.Ctl()+".old"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", p.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.Stop()
	if _, err := os.Lstat(p.Ctl()); err != nil {
		t.Errorf("another's socket: %v", err)
	}
}

// A socket whose process was killed is replaced; if it is in use, or is not a
// socket, the start fails and leaves nothing.
func TestControlSocketTaken(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
	p := harness.StartDaemon(t, "prefork", harness.WithControl(target)...)
	second := func(path string) (code int, why string) {
		q := harness.Prepare(t, "prefork", "--control", path, target)
		q.Launch()
		code = q.Wait(harness.ServeBound)
		if code != 0 && (len(q.Procs()) > 0 || harness.Listening(t, q.Port) || harness.ReadString(q.Pidfile) != "") {
			t.Errorf("%s: something is left behind", q.Errors())
		}
		return code, q.Errors()
	}
	code, why := second(p.Ctl())
	if want := fmt.Sprintf("plug: control socket %s: held by the plug %d, PID %d\n", p.Ctl(), p.Port, p.Master); code != 4 || why != want {
		t.Errorf("exit code %d, %q, want %q", code, why, want)
	}
	harness.StopProcess(t, p.Master)
	if code, why := second(p.Ctl()); code != 4 || !strings.Contains(why, fmt.Sprintf("held by PID %d", p.Master)) {
		t.Errorf("exit code %d, %q", code, why)
	}
	syscall.Kill(p.Master, syscall.SIGCONT)
	p.Asks("status", nil)
	plain := filepath.Join(p.Dir, "plain")
	os.WriteFile(plain, []byte("precious"), 0o600)
	if code, why := second(plain); code != 4 || !strings.Contains(why, plain+": the path names a file that is not a socket") || harness.ReadString(plain) != "precious" {
		t.Errorf("exit code %d, %q, the file has %q", code, why, harness.ReadString(plain))
	}
	if code, why := second(filepath.Join(p.Dir, "none", "ctl")); code != 4 || !strings.Contains(why, "o such file or directory") {
		t.Errorf("exit code %d, %q", code, why)
	}

	stale := identity(t, p.Ctl())
	syscall.Kill(p.Master, syscall.SIGKILL)
	p.Gone(10 * time.Second)
	if identity(t, p.Ctl()) != stale {
		t.Fatal("a killed master's socket is gone")
	}
	p.Launch()
	if code := p.Wait(harness.ServeBound); code != 0 || !p.Serves() {
		t.Fatalf("exit code %d: %s", code, p.Errors())
	}
	if got := p.Asks("status", nil).Status; got.PID != p.Master || identity(t, p.Ctl()) == stale {
		t.Errorf("%+v", got)
	}
}

// Workers inherit no descriptor of the control socket or of its clients.
func TestControlNotInherited(t *testing.T) {
	t.Parallel()
	target := harness.Serve(t, harness.Anywhere, harness.Echo).Addr()
	with, without := harness.Start(t, "fork", harness.WithControl(target)...), harness.Start(t, "fork", target)
	kept, err := harness.OpenTalk(with.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	with.Asks("status", nil)
	held := [2]int{with.CarriersOf(harness.Hold(t, with, 9))[8], without.CarriersOf(harness.Hold(t, without, 9))[8]} // more than there were spares
	if a, b := harness.Descriptors(held[0]), harness.Descriptors(held[1]); len(a) != len(b) {
		t.Errorf("descriptors %v, without a control socket %v", a, b)
	}
}

// Without clients, a control socket costs the master nothing.
func TestControlIdle(t *testing.T) {
	const most = 3 * 10 // same as TestIdleMaster
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	kept, err := harness.OpenTalk(p.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	p.Asks("metrics", nil)
	var rate float64
	if !harness.HoldsWithin(15*time.Second, func() bool {
		before := harness.Switches(p.Master)
		harness.Passed(2 * time.Second)
		rate = float64(harness.Switches(p.Master)-before) / 2
		return rate <= most
	}) {
		t.Errorf("%.1f context switches a second, want at most %d", rate, most)
	}
	t.Logf("context switches a second: %.1f", rate)
}
